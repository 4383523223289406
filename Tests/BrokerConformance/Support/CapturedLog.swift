public import Logging
internal import Warren

/// What was logged, for a test to look at.
public final class CapturedLog: Sendable {
  /// One line.
  public struct Line: Sendable {
    /// Its level.
    public let level: Logger.Level
    /// The message.
    public let message: String
    /// What goes with it.
    public let metadata: [String: String]
  }
  private let captured = Watched<[Line]>([])

  /// An empty log.
  public init() {}

  /// A logger that writes here.
  public var logger: Logger { Logger(label: "captured") { _ in Handler(log: self) } }
  /// All lines, in order.
  public var lines: [Line] { captured.value }

  /// Returns when a message that begins so was logged, which must happen.
  public func wait(for beginning: String) async throws {
    try await within { [captured] in
      await captured.wait { $0.contains { $0.message.hasPrefix(beginning) } }
    }
  }
  /// The texts of warnings and errors.
  public var warnings: [String] { lines.filter { $0.level >= .warning }.map { "\($0.message) \($0.metadata)" } }

  private struct Handler: LogHandler {
    let log: CapturedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug
    init(log: CapturedLog) { self.log = log }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let line = Line(
        level: event.level, message: "\(event.message)", metadata: (event.metadata ?? [:]).mapValues { "\($0)" })
      log.captured.withValue { $0.append(line) }
    }
  }
}
