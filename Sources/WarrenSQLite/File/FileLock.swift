#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A lock on a file that the kernel drops when its holder ends, however it ends.
///
/// Two of them on one file exclude each other within a process too.
final class FileLock: Sendable {
  private let descriptor: Int32
  /// Which file it is.
  let identity: FileIdentity

  /// Opens the file. `create` makes it when it is missing. `nil` when that fails; `errno` tells why.
  init?(path: String, create: Bool) {
    var opened = open(path, create ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0o644)
    // The lock needs no right to write, which the file of another user may not give.
    if opened < 0, errno == EACCES || errno == EPERM || errno == EROFS { opened = open(path, O_RDONLY | O_CLOEXEC) }
    if opened < 0 { return nil }
    descriptor = opened
    guard let status = FileStatus(descriptor: opened) else {
      close(opened)
      return nil
    }
    identity = status.identity
  }

  deinit { close(descriptor) }

  /// Waits for the lock. Blocks its thread.
  func lock() { while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {} }

  /// Takes the lock unless another has it.
  func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

  func unlock() { flock(descriptor, LOCK_UN) }

  /// Sets the time of the file's last change to now.
  func touch() { futimens(descriptor, nil) }
}
