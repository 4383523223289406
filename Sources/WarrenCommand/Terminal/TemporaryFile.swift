internal import Foundation

/// A file that only this user may read, in a directory of its own, which goes when the command does: also by a signal.
struct TemporaryFile {
  private let directory: URL
  var path: String { directory.appendingPathComponent("message").path }

  init(_ text: String) throws {
    let files = FileManager.default
    directory = files.temporaryDirectory.appendingPathComponent("warren-\(UUID().uuidString)")
    do {
      try files.createDirectory(
        at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      SignalCleanup.begin(file: path, directory: directory.path)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    } catch {
      remove()
      throw CommandError(
        .failure, "no file can be written in '\(files.temporaryDirectory.path)'",
        next: "set TMPDIR to a directory of yours")
    }
  }

  func text() throws -> String { String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self) }

  func remove() {
    SignalCleanup.removeFile()
    // What an editor left beside it: a backup copy, its swap file.
    try? FileManager.default.removeItem(at: directory)
    SignalCleanup.end()
  }
}

/// Removes the file when a signal ends the command. An interrupt from the keyboard is for the editor, which gets it as well:
/// handlers, unlike ignored signals, are not inherited by it.
///
/// A signal may come while the command itself removes the file. Both do it by the same two calls, of which neither minds that the
/// other was faster, and the paths stay for as long as the process lives.
private enum SignalCleanup {
  nonisolated(unsafe) static var file: UnsafeMutablePointer<CChar>?
  nonisolated(unsafe) static var directory: UnsafeMutablePointer<CChar>?

  static func begin(file: String, directory: String) {
    self.file = strdup(file)
    self.directory = strdup(directory)
    for number in [SIGINT, SIGQUIT] { signal(number) { _ in } }
    for number in [SIGTERM, SIGHUP] {
      signal(number) { number in
        SignalCleanup.removeFile()
        _exit(128 + number)
      }
    }
  }

  /// Makes only calls that a signal handler may make.
  static func removeFile() {
    if let file { unlink(file) }
    if let directory { rmdir(directory) }
  }

  static func end() {
    for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP] { signal(number, SIG_DFL) }
  }
}
