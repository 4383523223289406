internal import Foundation
public import Logging

/// Writes a line for each event to standard output:
/// `2026-11-21T08:00:00.123Z info  bookspace-api document.created event published documentId=…`.
///
/// Each line is one write, unbuffered, so that what a process said before it was killed can be read.
public struct LineLogHandler: LogHandler {
  /// The logger's name.
  private let label: String
  /// See `LogHandler`.
  public var logLevel = Logger.Level.info
  /// See `LogHandler`.
  public var metadata: Logger.Metadata = [:]
  /// See `LogHandler`.
  public var metadataProvider: Logger.MetadataProvider?

  private let output: LogOutput

  /// A handler for a logger with this label.
  public init(label: String, metadataProvider: Logger.MetadataProvider?) {
    self.init(label: label, metadataProvider: metadataProvider, output: .standard)
  }

  init(label: String, metadataProvider: Logger.MetadataProvider?, output: LogOutput) {
    self.label = label
    self.metadataProvider = metadataProvider
    self.output = output
  }

  /// See `LogHandler`.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// See `LogHandler`.
  public func log(event: LogEvent) {
    var facts = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }
    facts.merge(event.metadata ?? [:]) { $1 }
    if let error = event.error { facts["error"] = "\(error)" }
    let time = Date().formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    let level = event.level.rawValue.padding(toLength: 7, withPad: " ", startingAt: 0)
    let more = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
    let line = "\(time)Z \(level) \(label) \(Self.escaped(event.message.description))\(more)\n"
    output.write(line)
  }

  /// What strangers send must not be able to begin a line of its own.
  private static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
    return text.unicodeScalars.map { $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : "\($0)" }
      .joined()
  }

  private static func quoted(_ text: String) -> String {
    let text = escaped(text)
    return text.contains(" ") || text.contains("\"") || text.isEmpty
      ? "\"\(text.replacing("\"", with: "\\\""))\"" : text
  }
}
