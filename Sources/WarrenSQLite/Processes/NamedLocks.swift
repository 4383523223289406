internal import Foundation
internal import Synchronization
internal import Warren

/// Locks by name that the processes of a broker file share: a file for each name, which the kernel unlocks when its holder
/// ends, however it ends. For a broker in memory there is no other process, and a set of names does.
final class NamedLocks: Sendable {
  private let path: String?
  private let directory: String?
  private let held = Mutex<Set<LockName>>([])

  init(beside path: String?) {
    self.path = path
    directory = path.map { $0 + "-locks" }
  }

  /// Runs `body` while the lock is held.
  func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let end = wait.map { ContinuousClock.now.advanced(by: $0) }
    // Nothing tells when a process unlocks a file, so it is tried again, ever more slowly.
    var pause = Duration.milliseconds(5)
    while true {
      if let lock = try take(name) {
        defer { lock.release() }
        return try await body()
      }
      if let end, ContinuousClock.now + pause > end {
        if ContinuousClock.now >= end { throw BrokerError(heldElsewhere: name) }
        pause = ContinuousClock.now.duration(to: end)
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(250))
    }
  }

  private struct Held: Sendable {
    let release: @Sendable () -> Void
  }

  private func take(_ name: LockName) throws -> Held? {
    guard let directory else {
      guard held.withLock({ $0.insert(name).inserted }) else { return nil }
      return Held { [self] in held.withLock { _ = $0.remove(name) } }
    }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let status = self.path.flatMap(FileStatus.init(path:))
    status?.share(with: directory)
    let path = "\(directory)/\(Self.file(name))"
    guard let lock = FileLock(path: path, create: true) else {
      throw BrokerError(
        .readOnly, "'\(path)' cannot be made: let this user write in the directory, and look whether the disk is full")
    }
    status?.share(with: path)
    // A file that lost its name while it was being locked is not the one that others lock.
    guard lock.tryLock(), lock.identity == FileIdentity(path: path) else { return nil }
    return Held { lock.unlock() }
  }

  /// A file name for any name of a lock: what is harmless in it, and a number that tells it from all others.
  private static func file(_ name: LockName) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.rawValue.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    let harmless = name.rawValue.unicodeScalars.map { scalar in
      let isHarmless = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
      return isHarmless ? Character(scalar) : "-"
    }
    return "\(String(harmless.prefix(60)))-\(String(hash, radix: 16)).lock"
  }
}
