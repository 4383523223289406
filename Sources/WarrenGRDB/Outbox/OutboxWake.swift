internal import Dispatch
internal import Foundation
internal import GRDB
internal import Synchronization

/// Wakes the relay when something was committed to the outbox, in this process or in another.
///
/// Between processes it goes through a named pipe beside the database. Everyone opens it for both directions, so that
/// nothing blocks and no signal comes when the other end is gone. What is lost there is found by the relay's poll.
final class OutboxWake: Sendable {
  private struct State {
    /// Whether the transaction that is open tells already when it is committed.
    var isArmed = false
    var pipe: Int32 = -1
    var isPipeTried = false
    var action: (@Sendable () -> Void)?
    var source: Source?
  }
  /// Dispatch sources are thread-safe, and do not say so.
  private struct Source: @unchecked Sendable { let base: any DispatchSourceRead }

  private let state = Mutex(State())
  /// `nil` in memory.
  private let path: String?

  init(database: String) {
    path = OutboxFiles.path(beside: database, "-outbox-wake")
  }

  deinit {
    let descriptor = state.withLock { $0.source == nil ? $0.pipe : -1 }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Wakes the relay when the transaction of `db` is committed.
  func signalAfterCommit(of db: Database) {
    if !db.isInsideTransaction { return signal() }
    let isArmed = state.withLock { state in
      defer { state.isArmed = true }
      return state.isArmed
    }
    if isArmed { return }
    db.afterNextTransaction { [weak self] _ in
      self?.state.withLock { $0.isArmed = false }
      self?.signal()
    } onRollback: { [weak self] _ in
      self?.state.withLock { $0.isArmed = false }
    }
  }

  /// Wakes the relay: the one in this process if there is one, else the one that listens to the pipe.
  func signal() {
    let (action, descriptor) = state.withLock { state in (state.action, state.action == nil ? open(&state) : -1) }
    if let action { return action() }
    if descriptor >= 0 {
      var byte: UInt8 = 1
      // A full pipe has woken the relay already.
      _ = write(descriptor, &byte, 1)
    }
  }

  /// Calls `action` at every signal from now on, until ``stop()``.
  func listen(_ action: @escaping @Sendable () -> Void) {
    state.withLock { state in
      state.action = action
      let descriptor = open(&state)
      if descriptor < 0 { return }
      let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
      source.setEventHandler {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while read(descriptor, &bytes, bytes.count) > 0 {}
        action()
      }
      source.setCancelHandler { close(descriptor) }
      source.activate()
      state.source = Source(base: source)
    }
  }

  /// Calls nothing more.
  func stop() {
    let source = state.withLock { state in
      defer {
        state.action = nil
        // The source closes the descriptor.
        if state.source != nil { (state.source, state.pipe, state.isPipeTried) = (nil, -1, false) }
      }
      return state.source
    }
    source?.base.cancel()
  }

  private func open(_ state: inout State) -> Int32 {
    guard let path, !state.isPipeTried else { return state.pipe }
    state.isPipeTried = true
    mkfifo(path, 0o660)
    var found = stat()
    // Anything but a pipe of this name is left alone.
    guard stat(path, &found) == 0, found.st_mode & S_IFMT == S_IFIFO else { return -1 }
    state.pipe = Foundation.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    return state.pipe
  }
}
