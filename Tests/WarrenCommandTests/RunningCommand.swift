import Foundation
import Spawning

/// `warren`, run as a process of its own that a test ends.
struct RunningCommand {
  let process: ChildProcess

  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    process = try ChildProcess(
      executable(), arguments, environment: cleanEnvironment(environment), output: .pipe, errors: .pipe)
  }

  /// What a pattern finds first in the lines that are not read yet, once the command has written it.
  ///
  /// - Throws: when the command has ended without that, with what it said.
  func first<Match>(_ pattern: Regex<Match>, in reader: KeyPath<ChildProcess, PipeReader?>) async throws -> Match {
    var said: [String] = []
    while let line = await process[keyPath: reader]?.line() {
      if let match = line.firstMatch(of: pattern) { return match.output }
      said.append(line)
    }
    throw NothingFound(description: "the command ended and had written only:\n\(said.joined(separator: "\n"))")
  }

  /// Tells it to stop, and returns how it ended, with what is left of its standard error.
  func stop() async -> (status: Int32, errors: String) {
    process.send(SIGTERM)
    async let errors = process.errors?.text()
    let status = await process.end().status
    return (status, await errors ?? "")
  }

  private struct NothingFound: Error, CustomStringConvertible {
    let description: String
  }
}
