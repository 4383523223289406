internal import Foundation
internal import Synchronization
internal import Warren

/// The sign by which other processes know that this one lives: a lock that the kernel drops when it dies. Beside it, where
/// it listens for being woken.
///
/// Processes that consume nothing have none.
final class Presence: Sendable {
  private struct State {
    var file = ""
    var lock: FileLock?
    var ear: WakeSocket?
    var mouth: WakeSocket?
  }
  private let state = Mutex(State())
  /// Where all workers of a broker file have theirs; `nil` in memory.
  let directory: String?
  private let onWake: Mutex<(@Sendable () -> Void)?> = Mutex(nil)

  init(beside path: String?) { directory = path.map { $0 + "-workers" } }

  /// Sets what is done when another process has something for this one.
  func onWake(_ action: @escaping @Sendable () -> Void) { onWake.withLock { $0 = action } }

  /// Makes sure that there is a sign of life and returns its name. `isNew` asks for another one than before: others have
  /// taken this process for dead and may still be clearing away.
  func prepare(isNew: Bool) throws -> String {
    guard let directory else { return "" }
    return try state.withLock { state in
      if !isNew, let lock = state.lock, lock.isStill(at: Self.lockPath(state.file, in: directory)) { return state.file }
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      state.ear?.close()
      let file = UUID().uuidString.lowercased()
      guard let lock = FileLock(path: Self.lockPath(file, in: directory), create: true), lock.tryLock() else {
        throw StorageError(code: 14, message: "no file can be made in '\(directory)'")
      }
      state.file = file
      state.lock = lock
      // Without a socket, the poll does it.
      state.ear = WakeSocket(listeningIn: directory, as: Self.socketName(file)) { [weak self] in
        self?.onWake.withLock { $0 }?()
      }
      return file
    }
  }

  /// The name of the sign; empty when there is none.
  var file: String { state.withLock { $0.file } }

  /// Shows that this process not only exists but goes on.
  func touch() { state.withLock { $0.lock }?.touch() }

  /// Wakes other processes.
  func wake(_ files: [String]) {
    guard let directory, !files.isEmpty else { return }
    let mouth = state.withLock { state in
      if state.mouth == nil { state.mouth = WakeSocket(speakingIn: directory) }
      return state.mouth
    }
    for file in files { mouth?.wake(Self.socketName(file)) }
  }

  /// Takes the sign of life back, in good order.
  func end() {
    let state = self.state.withLock { state in
      defer { state = State() }
      return state
    }
    state.ear?.close()
    state.mouth?.close()
    if let directory, state.lock != nil { Self.removeFiles(of: state.file, in: directory) }
  }

  static func lockPath(_ file: String, in directory: String) -> String { "\(directory)/\(file).lock" }

  static func removeFiles(of file: String, in directory: String) {
    try? FileManager.default.removeItem(atPath: lockPath(file, in: directory))
    try? FileManager.default.removeItem(atPath: "\(directory)/\(socketName(file))")
  }

  private static func socketName(_ file: String) -> String { "\(file).sock" }
}
