internal import Foundation

/// What the process has promised or done, on files that survive it: each line is written at once.
struct Book: Sendable {
  let folder: String
  let storesBatchesAsOne: Bool

  func note(_ file: String, _ line: String) {
    let descriptor = open("\(folder)/\(file).log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    let bytes = Array("\(line)\n".utf8)
    _ = write(descriptor, bytes, bytes.count)
    close(descriptor)
  }
}
