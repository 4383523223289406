internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A program that a test has started.
///
/// It inherits its three ends and nothing else, so that what it starts in turn keeps nothing of ours open. Foundation's `Process`
/// is not used: on Linux it reads beyond a buffer when more than a thousand descriptors are open (Swift 6.3), as they are while all
/// tests run at once, and then the tests crash now and then.
public final class ChildProcess: Sendable {
  /// How a program ended.
  public enum Ending: Equatable, Sendable {
    /// By itself, with this status.
    case exited(Int32)
    /// By this signal.
    case signalled(Int32)
  }

  private enum State {
    case running(waiters: [CheckedContinuation<Ending, Never>])
    case ended(Ending)
  }

  /// What the system calls it.
  public let identifier: Int32
  /// What it writes, when that end is a ``ChildOutput/pipe``.
  public let output: PipeReader?
  /// What it says on standard error, when that end is a ``ChildOutput/pipe``.
  public let errors: PipeReader?
  private let state = Mutex(State.running(waiters: []))

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - program: Its path; without a `/` it is looked up in `PATH`.
  ///   - environment: Its whole environment; `nil` passes on our own.
  /// - Throws: ``SpawnError`` when it cannot be started.
  public init(
    _ program: String, _ arguments: [String] = [], environment: [String: String]? = nil,
    input: ChildInput = .nothing, output: ChildOutput = .dropped, errors: ChildOutput = .dropped
  ) throws {
    var ends = ChildEnds()
    defer { ends.closeTheirs() }
    try ends.take(input)
    self.output = try ends.take(output, as: STDOUT_FILENO)
    self.errors = try ends.take(errors, as: STDERR_FILENO)
    identifier = try ends.spawn(program, arguments, environment)
    ends.write(input)
    Thread.detachNewThread { [self] in reap() }
  }

  /// Waits, on a thread of its own, until the program has ended.
  private func reap() {
    // It may be asked for only while the number cannot belong to another process: until `waitpid` has returned.
    var information = siginfo_t()
    while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    let waiters = state.withLock { state in
      var status: Int32 = 0
      while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
      let signal = status & 0x7F
      let ending = signal == 0 ? Ending.exited(status >> 8 & 0xFF) : .signalled(signal)
      guard case .running(let waiters) = state else { return [(CheckedContinuation<Ending, Never>, Ending)]() }
      state = .ended(ending)
      return waiters.map { ($0, ending) }
    }
    for (waiter, ending) in waiters { waiter.resume(returning: ending) }
  }

  /// How it ended; `nil` while it runs.
  public var ending: Ending? {
    state.withLock { if case .ended(let ending) = $0 { ending } else { nil } }
  }
  /// Whether it still runs.
  public var isRunning: Bool { ending == nil }

  /// Sends a signal, and says whether there was a process to take it.
  @discardableResult
  public func send(_ signal: Int32) -> Bool {
    state.withLock {
      guard case .running = $0 else { return false }
      return kill(identifier, signal) == 0
    }
  }

  /// Waits until it has ended.
  @discardableResult
  public func end() async -> Ending {
    await withCheckedContinuation { continuation in
      let ending = state.withLock { state -> Ending? in
        switch state {
        case .ended(let ending): return ending
        case .running(let waiters):
          state = .running(waiters: waiters + [continuation])
          return nil
        }
      }
      if let ending { continuation.resume(returning: ending) }
    }
  }
}

/// A program that could not be started.
public struct SpawnError: Error, CustomStringConvertible {
  let program: String
  let code: Int32
  /// The program, and what the system says.
  public var description: String { "\(program) could not be started: \(String(cString: strerror(code)))" }
}
