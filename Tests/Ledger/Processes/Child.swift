internal import Foundation

/// A process of the test.
final class Child: Sendable {
  private let process: Process
  private let exit: AsyncStream<Void>

  /// - parameter errors: A file to which its standard error is appended; `nil` drops it.
  init(_ program: String, _ arguments: [String], errors: String? = nil) throws {
    process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try errors.map { try Self.appending(to: $0) } ?? FileHandle.nullDevice
    let (exit, ended) = AsyncStream<Void>.makeStream()
    self.exit = exit
    process.terminationHandler = { _ in ended.finish() }
  }

  private static func appending(to path: String) throws -> FileHandle {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw CocoaError(.fileWriteUnknown) }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  func start() throws { try process.run() }
  var isRunning: Bool { process.isRunning }
  /// Whether it has ended by itself, and well.
  var hasSucceeded: Bool { !process.isRunning && process.terminationReason == .exit && process.terminationStatus == 0 }
  /// Whether it has ended badly; not when it was told to stop before it could take the signal.
  var hasFailed: Bool {
    guard !process.isRunning, !hasSucceeded else { return false }
    return process.terminationReason == .exit || process.terminationStatus != SIGTERM
  }
  /// SIGKILL; whether there was a process to kill.
  func kill() -> Bool {
    guard process.isRunning else { return false }
    return Foundation.kill(process.processIdentifier, SIGKILL) == 0
  }
  var identifier: pid_t { process.processIdentifier }
  /// SIGSTOP: it does nothing until it wakes.
  func pause() { if process.isRunning { Foundation.kill(process.processIdentifier, SIGSTOP) } }
  /// SIGCONT.
  func wake() { if process.isRunning { Foundation.kill(process.processIdentifier, SIGCONT) } }
  /// SIGTERM.
  func terminate() { if process.isRunning { Foundation.kill(process.processIdentifier, SIGTERM) } }
  /// Waits until it has ended.
  func end() async { for await _ in exit {} }
}
