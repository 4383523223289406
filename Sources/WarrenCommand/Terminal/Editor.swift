internal import Foundation

/// The person's own editor on a file that nobody else may read.
enum Editor {
  static func edit(_ text: String) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let editor = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }.first { !$0.isEmpty } ?? "vi"
    let files = FileManager.default
    let directory = files.temporaryDirectory.appendingPathComponent("warren-\(UUID().uuidString)")
    try files.createDirectory(
      at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? files.removeItem(at: directory) }
    let file = directory.appendingPathComponent("message")
    try Data(text.utf8).write(to: file)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // The variable may hold options: `code --wait`.
    process.arguments = ["-c", "exec \(editor) \"$1\"", "sh", file.path]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Complaint(
        .failure, "the editor '\(editor)' ended with \(process.terminationStatus), so nothing was done",
        next: "set EDITOR, or use --body FILE")
    }
    return String(decoding: try Data(contentsOf: file), as: UTF8.self)
  }
}
