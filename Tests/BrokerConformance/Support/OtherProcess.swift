internal import Foundation
internal import Synchronization
internal import Warren

/// A real process that uses the same engine: the program `warren-ledger`, built beside the tests.
///
/// Blocking reads happen on a queue of their own, never on the cooperative pool.
final class OtherProcess: Sendable {
  private let process: Process
  private let exit: AsyncStream<Void>
  private static let program: URL = {
    // The test bundle, or on macOS the program that runs it, lies in the folder of the products.
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
      folder = bundle.bundleURL.deletingLastPathComponent()
    }
    return folder.appendingPathComponent("warren-ledger")
  }()

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

  private init(_ bench: Bench, _ arguments: [String], ready: String) async throws {
    guard let url = bench.url else { throw ScenarioFailure("an engine that other processes can reach") }
    process = Process()
    process.executableURL = Self.program
    process.arguments = arguments + ["--broker", url]
    let output = Pipe()
    process.standardOutput = output
    let (exit, exited) = AsyncStream<Void>.makeStream()
    self.exit = exit
    process.terminationHandler = { _ in exited.finish() }
    try process.run()
    let handle = output.fileHandleForReading
    let isReady = try await within {
      await withCheckedContinuation { continuation in
        DispatchQueue(label: "other process").async {
          var text = ""
          while !text.contains(ready + "\n") {
            let data = handle.availableData
            if data.isEmpty { return continuation.resume(returning: false) }
            text += String(decoding: data, as: UTF8.self)
          }
          continuation.resume(returning: true)
        }
      }
    }
    if !isReady { throw ScenarioFailure("the other process to say '\(ready)'") }
  }

  deinit { kill() }

  /// SIGKILL.
  func kill() { if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) } }
  /// SIGTERM.
  func terminate() { if process.isRunning { Foundation.kill(process.processIdentifier, SIGTERM) } }

  /// Waits until it has ended, however.
  func end() async throws {
    let exit = exit
    try await within { for await _ in exit {} }
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
  func exitStatus() async throws -> Int32 {
    try await end()
    return process.terminationStatus
  }
}
