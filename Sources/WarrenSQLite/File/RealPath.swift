internal import Foundation
internal import Warren

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The one path of a broker's file: absolute, without links. What lies beside the file is found by it, so that processes that
/// spell the path differently share their locks. It is not opened for that: closing it would drop SQLite's own locks.
enum RealPath {
  /// - Throws: ``BrokerError`` when there is no directory for it, or it is a directory, or it has a second name: a hard link,
  ///   or a mount of this file alone.
  static func resolve(_ path: String) throws(BrokerError) -> String {
    let resolved = try resolve(path, links: 0)
    if let status = FileStatus(path: resolved) {
      if status.isDirectory { throw BrokerError(.invalid, "'\(path)' is a directory: name a file in it") }
      if status.names > 1 {
        throw BrokerError(
          .invalid,
          "'\(path)' has a second name (a hard link), and SQLite would keep a log for each: remove the names that are not "
            + "used, or copy the file")
      }
      if MountTable.current.isMounted(at: resolved) {
        throw BrokerError(
          .invalid,
          "'\(path)' is mounted as a single file, so it has another name elsewhere, and SQLite would keep a log for each: "
            + "mount its directory")
      }
    }
    return resolved
  }

  private static func resolve(_ path: String, links: Int) throws(BrokerError) -> String {
    if let found = real(path) { return found }
    guard links < 32 else { throw BrokerError(.invalid, "'\(path)' is a link to itself: name a file") }
    // It is not there yet. Where is it going to be?
    let url = URL(fileURLWithPath: path)
    let directory = url.deletingLastPathComponent().path
    if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
      let next = target.hasPrefix("/") ? target : "\(directory)/\(target)"
      return try resolve(next, links: links + 1)
    }
    guard let parent = real(directory), FileStatus(path: parent)?.isDirectory == true else {
      throw BrokerError(.unavailable, "the directory '\(directory)' does not exist: create it, or name another path")
    }
    return parent == "/" ? "/\(url.lastPathComponent)" : "\(parent)/\(url.lastPathComponent)"
  }

  private static func real(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }
}
