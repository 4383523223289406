import Foundation

/// Other programs.
enum Program {
  /// Runs a program to its end. Throws unless it succeeds.
  static func run(_ words: [String]) async throws {
    // Foundation waits until a descriptor that the program inherits is closed; daemons that it starts would keep it.
    let closing = """
      for fd in /proc/self/fd/*; do fd=${fd##*/}; if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi; done
      exec "$@" >/dev/null
      """
    let status: Int32 = try await withCheckedThrowingContinuation { done in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", closing, "run"] + words
      process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch { done.resume(throwing: error) }
    }
    guard status == 0 else { throw Failure(words: words, status: status) }
  }

  struct Failure: Error {
    let words: [String]
    let status: Int32
  }
}
