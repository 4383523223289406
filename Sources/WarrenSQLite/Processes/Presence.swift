internal import Foundation
internal import Synchronization
internal import Warren

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The sign by which other processes know that this one lives: a lock that the kernel drops when it dies. Beside it lies the
/// socket at which it is woken.
///
/// Processes that consume nothing have none.
final class Presence: Sendable {
  private struct State {
    var sign: WorkerSign?
    var lock: FileLock?
    var receiver: WakeSocket?
    var sender: WakeSocket?
  }
  /// A closure of its own would be wrapped once more each time that it is taken out of its lock.
  private final class Action: Sendable {
    let run: @Sendable ([ControlMessage]) -> Void
    init(_ run: @escaping @Sendable ([ControlMessage]) -> Void) { self.run = run }
  }
  private let state = Mutex(State())
  /// The broker's file.
  private let path: String?
  /// Where all workers of a broker file have their signs; `nil` in memory.
  let directory: String?
  private let onWake = Mutex<Action?>(nil)

  init(beside path: String?) {
    self.path = path
    directory = path.map { $0 + "-workers" }
  }

  /// Sets what is done when another process has something for this one, which its messages may say.
  func onWake(_ action: @escaping @Sendable ([ControlMessage]) -> Void) {
    let action = Action(action)
    onWake.withLock { $0 = action }
  }

  /// The name of the sign; empty when there is none.
  var file: String { state.withLock { $0.sign?.file } ?? "" }

  /// Shows that this process not only exists but goes on. `false` when other processes cannot see it any more: its lock
  /// file was deleted or replaced.
  func touch() -> Bool {
    guard let directory else { return true }
    let (sign, lock) = state.withLock { ($0.sign, $0.lock) }
    guard let sign, let lock else { return true }
    lock.touch()
    return FileIdentity(path: Self.lockPath(sign.file, in: directory)) == lock.identity
  }

  /// Takes the sign of life back in good order, once the worker's row is gone.
  func end() {
    let state = vanish()
    if let directory, let sign = state.sign { Self.removeFiles(of: sign.file, in: directory) }
  }

  /// Drops the lock and leaves the file, which tells the others at once that this process is gone.
  @discardableResult
  private func vanish() -> State {
    let state = self.state.withLock { state in
      defer { state = State() }
      return state
    }
    state.receiver?.close()
    state.sender?.close()
    return state
  }

  /// Ends as a process does that is killed.
  func abandon() { vanish() }

  static func lockPath(_ file: String, in directory: String) -> String { "\(directory)/\(file).lock" }

  static func removeFiles(of file: String, in directory: String) {
    try? FileManager.default.removeItem(atPath: lockPath(file, in: directory))
    try? FileManager.default.removeItem(atPath: "\(directory)/\(socketName(file))")
  }

  /// What is to be seen of a worker; and its lock, if it has dropped it.
  static func look(at sign: WorkerSign, in directory: String) -> (sign: LeaseWatch.Sign, lock: FileLock?) {
    let path = lockPath(sign.file, in: directory)
    guard let status = FileStatus(path: path) else { return (errno == ENOENT ? .missing : .hidden, nil) }
    guard status.identity == sign.identity else { return (.missing, nil) }
    guard let lock = FileLock(path: path, create: false) else { return (.held(status.change), nil) }
    // Between the two looks it may have become another one.
    guard lock.identity == sign.identity else { return (.missing, nil) }
    return lock.tryLock() ? (.dropped, lock) : (.held(status.change), nil)
  }

  private static func socketName(_ file: String) -> String { "\(file).sock" }
}

extension Presence: Neighbourhood {
  func show(isNew: Bool) throws(BrokerError) -> WorkerSign {
    guard let directory, let path else { return WorkerSign(file: "", identity: FileIdentity(device: 0, inode: 0)) }
    let result = state.withLock { state -> Result<WorkerSign, StorageError> in
      if !isNew, let sign = state.sign,
        FileIdentity(path: Self.lockPath(sign.file, in: directory)) == sign.identity
      {
        return .success(sign)
      }
      let status = FileStatus(path: path)
      do {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      } catch {
        return .failure(StorageError(code: 14, message: "it is not a directory, and none can be made", file: directory))
      }
      status?.share(with: directory)
      let file = UUID().uuidString.lowercased()
      let lockPath = Self.lockPath(file, in: directory)
      guard let lock = FileLock(path: lockPath, create: true) else {
        return .failure(StorageError(openingFailedAt: lockPath))
      }
      guard lock.tryLock() else {
        return .failure(StorageError(code: 14, message: "it is locked already", file: lockPath))
      }
      status?.share(with: lockPath)
      state.receiver?.close()
      if let old = state.sign { Self.removeFiles(of: old.file, in: directory) }
      let sign = WorkerSign(file: file, identity: lock.identity)
      state.sign = sign
      state.lock = lock
      // Without a socket, the poll does it.
      state.receiver = WakeSocket(receivingIn: directory, as: Self.socketName(file)) { [weak self] words in
        self?.onWake.withLock { $0 }?.run(words.compactMap { ControlMessage(json: $0) })
      }
      status?.share(with: "\(directory)/\(Self.socketName(file))")
      return .success(sign)
    }
    do { return try result.get() } catch { throw error.brokerError(path: path) }
  }

  func wake(_ files: [String]) {
    if files.isEmpty { return }
    let sender = sender
    for file in files where sender?.wake(Self.socketName(file)) == false {
      // The worker is gone, or the folder is another one by now: the next time it is looked up again.
      state.withLock { $0.sender = nil }
    }
  }

  /// Tells the worker with this sign; `false` when it did not get there.
  func tell(_ message: ControlMessage, _ file: String) -> Bool {
    sender?.tell(message.json, to: Self.socketName(file)) ?? false
  }

  private var sender: WakeSocket? {
    guard let directory else { return nil }
    return state.withLock { state in
      if state.sender == nil { state.sender = WakeSocket(sendingTo: directory) }
      return state.sender
    }
  }
}
