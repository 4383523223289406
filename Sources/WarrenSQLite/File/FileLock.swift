internal import Foundation

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

  /// Opens the file. `create` makes it when it is missing.
  init?(path: String, create: Bool) {
    let flags = create ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_CLOEXEC
    let opened = open(path, flags, 0o644)
    if opened < 0 { return nil }
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// Waits for the lock. Blocks its thread.
  func lock() { while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {} }

  /// Takes the lock unless somebody has it.
  func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

  func unlock() { flock(descriptor, LOCK_UN) }

  /// Sets the time of the file's last change to now.
  func touch() { futimens(descriptor, nil) }

  /// Whether the file still has its name.
  func isStill(at path: String) -> Bool {
    guard let mine = FileIdentity(descriptor: descriptor) else { return false }
    return FileIdentity(path: path) == mine
  }
}

/// When a file was last changed, to tell whether it has changed since.
struct FileChange: Equatable {
  private let seconds: Int
  private let nanoseconds: Int

  init?(path: String) {
    var found = stat()
    guard stat(path, &found) == 0 else { return nil }
    #if canImport(Darwin)
      (seconds, nanoseconds) = (found.st_mtimespec.tv_sec, found.st_mtimespec.tv_nsec)
    #else
      (seconds, nanoseconds) = (found.st_mtim.tv_sec, found.st_mtim.tv_nsec)
    #endif
  }
}

/// By what a file is the same file, whatever its name.
struct FileIdentity: Equatable {
  private let device: UInt64
  private let inode: UInt64

  init?(path: String) {
    var found = stat()
    guard stat(path, &found) == 0 else { return nil }
    self.init(found)
  }

  init?(descriptor: Int32) {
    var found = stat()
    guard fstat(descriptor, &found) == 0 else { return nil }
    self.init(found)
  }

  private init(_ found: stat) {
    device = UInt64(truncatingIfNeeded: found.st_dev)
    inode = UInt64(truncatingIfNeeded: found.st_ino)
  }
}
