internal import Foundation

/// A process of the test.
final class Child: Sendable {
  private let process: Process
  private let exit: AsyncStream<Void>

  init(_ program: String, _ arguments: [String]) {
    process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let (exit, ended) = AsyncStream<Void>.makeStream()
    self.exit = exit
    process.terminationHandler = { _ in ended.finish() }
  }

  func start() throws { try process.run() }
  var isRunning: Bool { process.isRunning }
  /// Whether it has ended by itself, and well.
  var hasSucceeded: Bool { !process.isRunning && process.terminationReason == .exit && process.terminationStatus == 0 }
  /// SIGKILL; whether there was anyone to kill.
  func kill() -> Bool {
    guard process.isRunning else { return false }
    return Foundation.kill(process.processIdentifier, SIGKILL) == 0
  }
  /// SIGTERM.
  func terminate() { if process.isRunning { Foundation.kill(process.processIdentifier, SIGTERM) } }
  /// Waits until it has ended.
  func end() async { for await _ in exit {} }
}
