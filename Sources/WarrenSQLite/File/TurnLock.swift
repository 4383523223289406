internal import Synchronization

/// The lock by which the processes of one broker file take turns at writing. SQLite's own waiting starves a process that
/// writes seldom; the kernel's queue does not.
final class TurnLock: Sendable {
  let path: String
  /// The broker's file, whose permissions the lock's file takes.
  private let database: String
  private let current: Mutex<FileLock>

  /// - Throws: ``BrokerError/Code/readOnly`` when the file of the lock cannot be opened, and what else prevents it.
  init(beside database: String) throws(StorageError) {
    path = database + "-lock"
    self.database = database
    guard let lock = FileLock(path: path, create: true) else { throw StorageError(openingFailedAt: path) }
    current = Mutex(lock)
  }

  /// Gives the lock's file the permissions of the broker's file.
  func takePermissions() { FileStatus(path: database)?.share(with: path) }

  /// Waits for the turn. Blocks its thread.
  func lock() {
    while true {
      let lock = current.withLock { $0 }
      lock.lock()
      if isStillInPlace(lock) { return }
      lock.unlock()
    }
  }

  /// Takes the turn unless another process has it.
  func tryLock() -> Bool {
    let lock = current.withLock { $0 }
    guard lock.tryLock() else { return false }
    if isStillInPlace(lock) { return true }
    lock.unlock()
    return current.withLock { $0 }.tryLock()
  }

  func unlock() { current.withLock { $0 }.unlock() }

  /// Whether this is the file that other processes find. If it was deleted, the next turn is taken at the new one; where
  /// none can be made, the old one has to do.
  private func isStillInPlace(_ lock: FileLock) -> Bool {
    if FileIdentity(path: path) == lock.identity { return true }
    guard let new = FileLock(path: path, create: true) else { return true }
    takePermissions()
    current.withLock { $0 = new }
    return false
  }

  /// The process that has the turn, as far as the system tells.
  var holder: LockHolder? { LockHolder(ofLockOn: current.withLock { $0 }.identity) }
}
