import Logging
import Synchronization

/// What was logged, for a test to look at.
final class CapturedLog: Sendable {
  private let lines = Mutex<[(level: Logger.Level, text: String)]>([])

  /// A logger that writes here.
  var logger: Logger { Logger(label: "captured") { _ in Handler(log: self) } }
  /// The texts of warnings and errors.
  var warnings: [String] { lines.withLock { $0.filter { $0.level >= .warning }.map(\.text) } }

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
      let text = "\(event.message) \(event.metadata ?? [:])"
      log.lines.withLock { $0.append((event.level, text)) }
    }
  }
}
