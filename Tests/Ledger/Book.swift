internal import Foundation

/// A file of ids, a line each, that outlives the process which writes it: each line is one appending write, so what was
/// noted before a SIGKILL is there after it.
final class Book: Sendable {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    if descriptor < 0 { throw CocoaError(.fileWriteUnknown) }
  }

  deinit { close(descriptor) }

  func note(_ id: String) throws {
    let line = Array((id + "\n").utf8)
    if write(descriptor, line, line.count) != line.count { throw CocoaError(.fileWriteUnknown) }
  }

  /// The ids in a book; none when it was never opened.
  static func read(_ path: String) throws -> Set<String> { Set(try lines(path)) }

  /// The lines of a book, repeats included.
  static func lines(_ path: String) throws -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
