internal import Foundation
internal import Logging
internal import Warren

/// Makes handlers fail, or take their time, because a person wants to see what happens then.
///
/// | to make it fail | until |
/// |---|---|
/// | `BOOKSPACE_FAIL=document.created,comment.added` in the worker's environment | the worker is restarted without it |
/// | a file `DATA/fail.document.created` | the file is removed |
/// | `[fail]` in a document's title | the dead letter is edited |
///
/// A file `DATA/hold.document.created` with a number in it makes the handler wait so many seconds, long enough to kill
/// the worker in its midst.
struct Faults: Sendable {
  private let directory: URL
  private let failing: Set<String>

  init(directory: URL, environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.directory = directory
    let names = (environment["BOOKSPACE_FAIL"] ?? "").split(separator: ",")
    failing = Set(names.map { $0.trimmingCharacters(in: .whitespaces) })
  }

  /// A person wanted it.
  struct DeliberateFailure: Error, CustomStringConvertible {
    var description: String
  }

  /// Does what was asked for about this event; mostly nothing.
  func strike(_ event: MessageName, title: String, _ logger: Logger) async throws {
    let hold = directory.appending(path: "hold.\(event)")
    if let text = try? String(contentsOf: hold, encoding: .utf8),
      let seconds = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)), seconds > 0
    {
      logger.info("Holding", metadata: ["seconds": "\(seconds)", "because.of": "\(hold.lastPathComponent)"])
      try await Task.sleep(for: .seconds(min(seconds, 3600)))
    }
    if failing.contains(event.rawValue) { throw DeliberateFailure(description: "BOOKSPACE_FAIL names \(event)") }
    let file = "fail.\(event)"
    if FileManager.default.fileExists(atPath: directory.appending(path: file).path) {
      throw DeliberateFailure(description: "the file \(file) is there")
    }
    if title.contains("[fail]") { throw DeliberateFailure(description: "the title has [fail] in it") }
  }
}
