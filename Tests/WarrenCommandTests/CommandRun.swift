import Foundation
import Spawning
import Testing

/// The command, run as a process of its own.
struct CommandRun {
  let status: Int32
  let output: String
  let errors: String
  /// The rows of a list that is not for a terminal.
  var rows: [[String]] {
    output.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
  }

  /// Its output as JSON: an array or an object, as the caller expects.
  func json<Value>(_ type: Value.Type = Value.self) throws -> Value {
    let value = try JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed)
    return try #require(value as? Value, "\(output)")
  }
}

/// Runs `warren` with its ends in pipes, as a script does.
func warren(
  _ arguments: [String], input: String = "", environment: [String: String] = [:]
) async throws -> CommandRun {
  try await run(try executable(), arguments, input: input, environment: environment)
}

/// Runs a script of the shell, in which `$WARREN` is the command.
func shell(_ script: String, environment: [String: String] = [:]) async throws -> CommandRun {
  let environment = environment.merging(["WARREN": try executable()]) { $1 }
  return try await run("/bin/sh", ["-c", script], input: "", environment: environment)
}

private func run(
  _ program: String, _ arguments: [String], input: String, environment: [String: String]
) async throws -> CommandRun {
  let process = try ChildProcess(
    program, arguments, environment: cleanEnvironment(environment), input: .text(input), output: .pipe, errors: .pipe)
  async let output = process.output?.text()
  async let errors = process.errors?.text()
  let texts = await (output ?? "", errors ?? "")
  return CommandRun(status: await process.end().status, output: texts.0, errors: texts.1)
}

/// The environment of the tests without what changes the command's ways.
func cleanEnvironment(_ more: [String: String]) -> [String: String] {
  var environment = ProcessInfo.processInfo.environment
  for name in ["WARREN_BROKER", "NO_COLOR", "COLUMNS", "EDITOR", "VISUAL"] { environment[name] = nil }
  environment["TERM"] = "xterm"
  environment["TZ"] = "UTC"
  return environment.merging(more) { $1 }
}

/// The built command.
func executable() throws -> String { try BuiltProgram.path("warren") }

extension ChildProcess.Ending {
  /// As a shell shows it.
  var status: Int32 {
    switch self {
    case .exited(let status): status
    case .signalled(let signal): 128 + signal
    }
  }
}
