internal import Foundation

/// A small file system that can be filled to the last byte.
final class Disk {
  private let ballast: String
  /// How often it was filled.
  private(set) var fills = 0

  init(folder: String) { ballast = "\(folder)/ballast" }

  /// Fills it.
  func fill() throws {
    let file = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    if file < 0 { throw CocoaError(.fileWriteUnknown) }
    defer { close(file) }
    // Smaller and smaller pieces, until not one byte has room.
    var size = 1 << 20
    let zeros = [UInt8](repeating: 0, count: size)
    var written = 0
    while size > 0 {
      let count = write(file, zeros, size)
      if count > 0 { written += count } else { size /= 2 }
      // A folder that is no small file system must not be filled.
      if written > 1 << 30 { throw CocoaError(.fileWriteOutOfSpace) }
    }
    fills += 1
  }

  /// Makes room again.
  func free() { unlink(ballast) }
}
