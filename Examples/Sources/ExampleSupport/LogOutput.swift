internal import Foundation

/// Where log lines go. A line that cannot be written, on a full disk or after the collector has left, is lost, and the
/// process goes on: `FileHandle` would end it.
struct LogOutput: Sendable {
  static let standard = LogOutput(descriptor: STDOUT_FILENO)
  let descriptor: Int32

  /// Whether all of it was written.
  @discardableResult
  func write(_ line: String) -> Bool {
    var rest = Array(line.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count == 0 || errno != EINTR {
        return false
      }
    }
    return true
  }
}
