internal import Synchronization

/// Which broker files this process has open. A file that is open must not be opened and closed past SQLite: closing it drops all
/// of the process's locks on it, and the next process that ends takes itself for the last and deletes the log.
enum OpenFiles {
  private struct Entry {
    /// `nil`: it was not there when it was opened first.
    var identity: FileIdentity?
    var count = 0
  }
  private static let entries = Mutex<[String: Entry]>([:])

  /// Notes that a file is going to be opened, and tells whose it is. Its path is that of ``RealPath``.
  static func enter(_ path: String) throws(StorageError) -> FileContent {
    // Nothing is opened meanwhile: what is looked at must stay closed.
    let result = entries.withLock { entries -> Result<FileContent, StorageError> in
      let identity = FileIdentity(path: path)
      if var entry = entries[path], entry.identity == nil || entry.identity == identity {
        entry.count += 1
        entries[path] = entry
        return .success(.warren)
      }
      do throws(StorageError) {
        let content = try FileContent(of: path)
        // Another file of this name may still be open; then this one is what is opened from now on.
        entries[path] = Entry(identity: identity, count: (entries[path]?.count ?? 0) + 1)
        return .success(content)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Notes that a file was closed, or could not be opened.
  static func leave(_ path: String) {
    entries.withLock { entries in
      guard let count = entries[path]?.count else { return }
      if count > 1 { entries[path]?.count = count - 1 } else { entries[path] = nil }
    }
  }
}
