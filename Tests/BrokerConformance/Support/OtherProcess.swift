internal import Foundation
internal import Spawning
internal import Warren

/// A real process that uses the same engine: the program `warren-ledger`, built beside the tests.
final class OtherProcess: Sendable {
  private let process: ChildProcess

  /// Starts one that holds `count` deliveries of a queue and does nothing with them; returns when it has them.
  ///
  /// With `begins` it says of each that it handles it from now on: see ``Warren/Broker/begin(_:)``.
  static func holding(
    _ queue: QueueName, count: Int, begins: Bool = false, _ bench: Bench
  ) async throws -> OtherProcess {
    try await OtherProcess(
      bench, ["hold", "--queue", queue.rawValue, "--count", "\(count)"] + (begins ? ["--begins"] : []),
      ready: "holding \(count)")
  }
  /// Starts one that holds a named lock; returns when it has it.
  static func locking(_ name: LockName, _ bench: Bench) async throws -> OtherProcess {
    try await OtherProcess(bench, ["lock", "--name", name.rawValue], ready: "locked")
  }
  /// Starts a worker that completes everything, and is killed by the message with this body; returns when it works.
  static func working(on queue: QueueName, dyingOf poison: String, _ bench: Bench) async throws -> OtherProcess {
    try await OtherProcess(bench, ["work", "--queue", queue.rawValue, "--poison", poison], ready: "working")
  }

  /// Starts a worker that completes everything, but never ends with a message with this body; returns when it works.
  static func working(on queue: QueueName, hangingOn body: String, _ bench: Bench) async throws -> OtherProcess {
    try await OtherProcess(bench, ["work", "--queue", queue.rawValue, "--hangs-on", body], ready: "working")
  }

  private init(_ bench: Bench, _ arguments: [String], ready: String) async throws {
    guard let url = bench.url else { throw ScenarioFailure("an engine that other processes can reach") }
    let process = try ChildProcess(
      BuiltProgram.path("warren-ledger"), arguments + ["--broker", url], output: .pipe, errors: .inherited)
    self.process = process
    let isReady = try await within {
      while let line = await process.output?.line() { if line == ready { return true } }
      return false
    }
    if !isReady { throw ScenarioFailure("the other process to say '\(ready)'") }
  }

  deinit { kill() }

  /// SIGKILL.
  func kill() { process.send(SIGKILL) }
  /// SIGTERM.
  func terminate() { process.send(SIGTERM) }

  /// Waits until it has ended, however.
  func end() async throws {
    let process = process
    try await within { _ = await process.end() }
  }
  /// Waits until it has ended, or until the condition holds; then kills it.
  func end(orWhen condition: @Sendable () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + patience
    while process.isRunning, try await !condition() {
      if ContinuousClock.now > limit { throw ScenarioFailure("the other process did not end") }
      try await Task.sleep(for: .milliseconds(20))
    }
    kill()
    try await end()
  }
  /// Waits until it has ended, and says how.
  func ending() async throws -> ChildProcess.Ending {
    let process = process
    return try await within { await process.end() }
  }
}
