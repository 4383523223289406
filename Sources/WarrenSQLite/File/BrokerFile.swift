internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import Warren

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The file (or the memory) that holds everything, opened and brought to this version's schema.
final class BrokerFile: Sendable {
  let database: any DatabaseWriter
  /// `nil` in memory.
  let path: String?
  /// Held by the process that writes. SQLite's own waiting starves whoever writes seldom; this queues everybody up.
  let lock: FileLock?
  private let identity: FileIdentity?
  private let logIdentity: FileIdentity?

  /// How the file is called in errors.
  var shownPath: String { path ?? ":memory:" }

  /// A broker in memory.
  init(inMemory configuration: SQLiteBroker.Configuration) throws(BrokerError) {
    do {
      let queue = try DatabaseQueue(configuration: Self.settings(configuration))
      try Schema.migrator.migrate(queue)
      database = queue
    } catch {
      throw StorageError(error).brokerError(path: ":memory:")
    }
    path = nil
    lock = nil
    identity = nil
    logIdentity = nil
  }

  /// Opens the file, and makes it when it is missing. Two processes may do so at once.
  init(path: String, configuration: SQLiteBroker.Configuration) throws(BrokerError) {
    let lock = try Self.openLock(beside: path)
    lock.lock()
    defer { lock.unlock() }
    do {
      try Self.refuseWhatIsNotOurs(path)
      let pool = try DatabasePool(path: path, configuration: Self.settings(configuration))
      try Schema.migrator.migrate(pool)
      // GRDB has chosen NORMAL for WAL; the promise of `publish` is FULL's.
      try pool.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA synchronous = \(configuration.synchronous.rawValue)")
      }
      database = pool
    } catch let error as BrokerError {
      throw error
    } catch {
      throw StorageError(error).brokerError(path: path)
    }
    self.path = path
    self.lock = lock
    identity = FileIdentity(path: path)
    logIdentity = FileIdentity(path: path + "-wal")
  }

  /// Whether the paths still name the files that are open, SQLite's log included. What is written to a file without a name
  /// is lost.
  var isInPlace: Bool {
    guard let path else { return true }
    return FileIdentity(path: path) == identity && FileIdentity(path: path + "-wal") == logIdentity
  }

  private static func settings(_ configuration: SQLiteBroker.Configuration) -> GRDB.Configuration {
    var settings = GRDB.Configuration()
    settings.label = "warren"
    settings.foreignKeysEnabled = false
    // Warren's processes queue up at the lock; this is for other programs that write the file.
    settings.busyMode = .timeout(5)
    settings.maximumReaderCount = 3
    return settings
  }

  private static func openLock(beside path: String) throws(BrokerError) -> FileLock {
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
      throw BrokerError(.unavailable, "the directory '\(directory)' does not exist: create it, or name another path")
    }
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      if isDirectory.boolValue { throw BrokerError(.invalid, "'\(path)' is a directory: name a file in it") }
      if access(path, R_OK | W_OK) != 0 { throw readOnly(path) }
    }
    if let lock = FileLock(path: path + "-lock", create: true) { return lock }
    switch errno {
    case ENOSPC, EDQUOT: throw BrokerError(.full, "no room is left for '\(path)': free some of its disk")
    case EMFILE, ENFILE:
      throw BrokerError(.unavailable, "no file can be opened any more: raise the limit of open files (ulimit -n)")
    default: throw readOnly(path)
    }
  }

  private static func readOnly(_ path: String) -> BrokerError {
    BrokerError(
      .readOnly, "'\(path)' cannot be written: give this user the right to write the file and its directory")
  }

  /// Looks without changing anything: a file of somebody else must stay as it is.
  private static func refuseWhatIsNotOurs(_ path: String) throws {
    let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    guard let size, size > 0 else { return }
    let queue = try DatabaseQueue(path: path, configuration: settings(.init()))
    defer { try? queue.close() }
    try queue.read { database in
      let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
      if tables == 0 { return }
      let id = try Int32.fetchOne(database, sql: "PRAGMA application_id")
      guard id == Schema.applicationID else {
        throw BrokerError(.corrupt, "'\(path)' is a SQLite file, but not Warren's: name another path")
      }
      if try Schema.migrator.hasBeenSuperseded(database) {
        throw BrokerError(
          .newerVersion, "'\(path)' was written by a newer Warren: use that version, or name another path")
      }
    }
  }
}
