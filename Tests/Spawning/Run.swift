public import Foundation

/// What a program that ran to its end has said.
public struct RunResult: Sendable {
  /// How it ended.
  public var ending: ChildProcess.Ending
  /// What it wrote.
  public var output: Data
  /// What it said on standard error.
  public var errors: String
  /// Its output, line by line.
  public var lines: [String] { String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init) }
}

extension ChildProcess {
  /// Runs a program to its end. Its ends are files, and a daemon that it leaves running holds nothing up.
  ///
  /// - parameter limit: Whole seconds after which it is killed.
  public static func run(
    _ program: String, _ arguments: [String] = [], input: Data = Data(), limit: Int = 120
  ) async throws -> RunResult {
    let folder = FileManager.default.temporaryDirectory.appending(path: "warren-run-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let given = folder.appending(path: "input")
    let output = folder.appending(path: "output")
    let errors = folder.appending(path: "errors")
    try input.write(to: given)
    let reading = try FileHandle(forReadingFrom: given)
    defer { try? reading.close() }
    let process = try ChildProcess(
      "timeout", ["--signal=KILL", "\(limit)", program] + arguments, input: .descriptor(reading.fileDescriptor),
      output: .file(output.path), errors: .file(errors.path))
    let ending = await process.end()
    return RunResult(
      ending: ending, output: try Data(contentsOf: output),
      errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
  }
}
