import Foundation
import NIOCore
import Spawning

/// Other programs.
enum Program {
  /// Runs a program to its end, or for two minutes, and returns what it printed. Throws unless it succeeds.
  @discardableResult
  static func run(_ words: [String], input: ByteBuffer = ByteBuffer()) async throws -> ByteBuffer {
    let run = try await ChildProcess.run(words[0], Array(words[1...]), input: Data(input.readableBytesView))
    guard run.ending == .exited(0) else { throw Failure(words: words, ending: run.ending, errors: run.errors) }
    return ByteBuffer(bytes: run.output)
  }

  struct Failure: Error {
    let words: [String]
    let ending: ChildProcess.Ending
    let errors: String
  }
}
