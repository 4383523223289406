import Foundation
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
  let environment = environment.merging(["WARREN": try executable().path]) { $1 }
  return try await run(URL(fileURLWithPath: "/bin/sh"), ["-c", script], input: "", environment: environment)
}

private func run(
  _ program: URL, _ arguments: [String], input: String, environment: [String: String]
) async throws -> CommandRun {
  let process = Process()
  process.executableURL = program
  process.arguments = arguments
  process.environment = cleanEnvironment(environment)
  let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
  (process.standardInput, process.standardOutput, process.standardError) = (stdin, stdout, stderr)
  try process.run()
  try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
  try stdin.fileHandleForWriting.close()
  async let output = readAll(stdout.fileHandleForReading)
  async let errors = readAll(stderr.fileHandleForReading)
  let texts = await (output, errors)
  process.waitUntilExit()
  return CommandRun(status: process.terminationStatus, output: texts.0, errors: texts.1)
}

/// The environment of the tests without what changes the command's ways.
func cleanEnvironment(_ more: [String: String]) -> [String: String] {
  var environment = ProcessInfo.processInfo.environment
  for name in ["WARREN_BROKER", "NO_COLOR", "COLUMNS", "EDITOR", "VISUAL"] { environment[name] = nil }
  environment["TERM"] = "xterm"
  environment["TZ"] = "UTC"
  return environment.merging(more) { $1 }
}

/// The built command lies beside the tests.
func executable() throws -> URL {
  let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
  let places = (bundles + [URL(fileURLWithPath: CommandLine.arguments[0])]).map { $0.deletingLastPathComponent() }
  let found = places.map { $0.appendingPathComponent("warren") }.first {
    FileManager.default.isExecutableFile(atPath: $0.path)
  }
  return try #require(found, "the command is not built: swift build --product warren")
}

/// Reads to the end, on a thread that may block.
func readAll(_ handle: FileHandle) async -> String {
  await withCheckedContinuation { continuation in
    DispatchQueue.global().async {
      continuation.resume(returning: String(decoding: handle.readDataToEndOfFile(), as: UTF8.self))
    }
  }
}
