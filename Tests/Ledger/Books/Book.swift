internal import Foundation

/// A file of ids that outlives the process which writes it, a line each with the time. Each line is one appending write,
/// so what was noted before a SIGKILL is there after it.
final class Book: Sendable {
  struct Entry {
    let id: String
    let time: Date
  }
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    if descriptor < 0 { throw CocoaError(.fileWriteUnknown) }
  }

  deinit { close(descriptor) }

  func note(_ id: String) throws {
    let line = Array("\(id) \(Int64(Date().timeIntervalSince1970 * 1000))\n".utf8)
    if write(descriptor, line, line.count) != line.count { throw CocoaError(.fileWriteUnknown) }
  }

  /// What is in a book, repeats included; nothing when it was never opened.
  static func read(_ path: String) throws -> [Entry] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    return try String(decoding: data, as: UTF8.self).split(separator: "\n").map { line in
      let parts = line.split(separator: " ")
      guard parts.count == 2, let milliseconds = Double(parts[1]) else { throw CocoaError(.fileReadCorruptFile) }
      return Entry(id: String(parts[0]), time: Date(timeIntervalSince1970: milliseconds / 1000))
    }
  }
}
