internal import Foundation

/// The person's own editor on a file that no other user may read.
enum Editor {
  static func edit(_ text: String) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let editor = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }.first { !$0.isEmpty } ?? "vi"
    let file = try TemporaryFile(text)
    defer { file.remove() }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // The variable may hold options: `code --wait`.
    process.arguments = ["-c", "exec \(editor) \"$1\"", "sh", file.path]
    do {
      try process.run()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus) }
      return try file.text()
    } catch {
      throw CommandError(
        .failure, "the editor '\(editor)' \(error is Failure ? "\(error)" : "could not be used"), so nothing was done",
        next: "set EDITOR, or use --body FILE")
    }
  }

  private struct Failure: Error, CustomStringConvertible {
    var status: Int32
    var description: String { "ended with \(status)" }
  }
}
