internal import Foundation

/// The process that holds a lock on a file, as Linux's `/proc/locks` has it.
struct LockHolder: CustomStringConvertible {
  let process: Int
  let name: String

  /// The holder of a ``FileLock``; `nil` when there is none or the system does not tell.
  init?(ofLockOn file: FileIdentity) { self.init { $0.kind == "FLOCK" && $0.inode == file.inode } }

  /// The holder of SQLite's lock for writing, which is a byte of the file `-shm`.
  init?(ofWriteLockOn sharedMemory: FileIdentity) {
    self.init { $0.kind == "POSIX" && $0.inode == sharedMemory.inode && $0.start == "120" }
  }

  private struct Line {
    let kind: Substring
    let isExclusive: Bool
    let process: Int
    let inode: Int64
    let start: Substring

    init?(_ line: Substring) {
      // 1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 120 120
      let words = line.split(separator: " ")
      guard words.count >= 8, let process = Int(words[4]),
        let inode = words[5].split(separator: ":").last.flatMap({ Int64($0) })
      else { return nil }
      kind = words[1]
      isExclusive = words[3] == "WRITE"
      self.process = process
      self.inode = inode
      start = words[6]
    }
  }

  private init?(where condition: (Line) -> Bool) {
    // Its size is said to be 0: it has to be read to its end.
    guard let data = try? FileHandle(forReadingAtPath: "/proc/locks")?.readToEnd() else { return nil }
    let found = String(decoding: data, as: UTF8.self).split(separator: "\n").lazy.compactMap(Line.init).first {
      $0.isExclusive && condition($0)
    }
    guard let found else { return nil }
    process = found.process
    let comm = try? String(contentsOfFile: "/proc/\(found.process)/comm", encoding: .utf8)
    name = (comm ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// `process 1234 (bookspace)`.
  var description: String { name.isEmpty ? "process \(process)" : "process \(process) (\(name))" }
}
