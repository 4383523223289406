internal import Foundation

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// By what a file is the same file, however its path is spelled: the device and the number of its inode.
struct FileIdentity: Hashable, Sendable {
  let device: Int64
  let inode: Int64

  init(device: Int64, inode: Int64) {
    self.device = device
    self.inode = inode
  }

  /// `nil` when there is no such file.
  init?(path: String) {
    guard let found = FileStatus(path: path) else { return nil }
    self = found.identity
  }
}

/// What the file system says about a file.
struct FileStatus {
  let identity: FileIdentity
  /// When it was last changed, since 1970.
  let change: Duration
  let size: Int
  /// The permissions, without the kind of file.
  let mode: mode_t
  let owner: uid_t
  let group: gid_t
  let isDirectory: Bool
  /// How many names the file has.
  let names: Int

  /// What is another one as soon as the file was written.
  struct Version: Hashable {
    let change: Duration
    let size: Int
  }
  var version: Version { Version(change: change, size: size) }

  /// `nil` when there is no such file, or it may not be looked at; `errno` tells which.
  init?(path: String) {
    var found = stat()
    guard stat(path, &found) == 0 else { return nil }
    self.init(found)
  }

  /// The status of an open file.
  init?(descriptor: Int32) {
    var found = stat()
    guard fstat(descriptor, &found) == 0 else { return nil }
    self.init(found)
  }

  private init(_ found: stat) {
    identity = FileIdentity(
      device: Int64(truncatingIfNeeded: found.st_dev), inode: Int64(truncatingIfNeeded: found.st_ino))
    #if canImport(Darwin)
      change = Duration(found.st_mtimespec)
    #else
      change = Duration(found.st_mtim)
    #endif
    size = Int(found.st_size)
    mode = found.st_mode & 0o777
    owner = found.st_uid
    group = found.st_gid
    isDirectory = found.st_mode & S_IFMT == S_IFDIR
    names = Int(found.st_nlink)
  }

  /// Gives a file beside the broker's file the same permissions and, where this user may do that, the same owner. A file
  /// that belongs to another user is left as it is.
  func share(with path: String) {
    guard let other = FileStatus(path: path) else { return }
    // The right to look into a folder goes with the right to read.
    let wanted = other.isDirectory ? mode | (mode & 0o444) >> 2 : mode
    if other.mode != wanted { _ = chmod(path, wanted) }
    if geteuid() == 0, (other.owner, other.group) != (owner, group) { _ = chown(path, owner, group) }
  }
}
