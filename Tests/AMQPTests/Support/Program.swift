import Foundation
import NIOCore

/// Other programs.
enum Program {
  /// Runs a program to its end, or for two minutes, and returns what it printed. Throws unless it succeeds.
  @discardableResult
  static func run(_ words: [String], input: ByteBuffer = ByteBuffer()) async throws -> ByteBuffer {
    let files = FileManager.default.temporaryDirectory.appendingPathComponent("amqp-program-\(UUID())").path
    defer { for end in ["in", "out"] { try? FileManager.default.removeItem(atPath: files + end) } }
    try Data(input.readableBytesView).write(to: URL(fileURLWithPath: files + "in"))
    // Foundation waits until a descriptor that the program inherits is closed; daemons that it starts would keep it.
    let closing = """
      for fd in /proc/self/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi; done
      files=$1; shift
      exec timeout 120 "$@" <"${files}in" >"${files}out"
      """
    let status: Int32 = try await withCheckedThrowingContinuation { done in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", closing, "run", files] + words
      process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch { done.resume(throwing: error) }
    }
    guard status == 0 else { throw Failure(words: words, status: status) }
    return ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: files + "out")))
  }

  struct Failure: Error {
    let words: [String]
    let status: Int32
  }
}
