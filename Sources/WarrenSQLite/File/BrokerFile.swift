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

/// The file (or the memory) that holds everything, opened and with this version's schema.
final class BrokerFile: Sendable {
  let database: any DatabaseWriter
  /// Absolute and without links; `nil` in memory.
  let path: String?
  /// Held by the process that writes; `nil` in memory and where this user may only read.
  let lock: TurnLock?
  /// Which files are open: the file, SQLite's log, and the index of the log that processes share.
  private let identities: [FileIdentity?]

  /// How the file is called in errors.
  var shownPath: String { path ?? ":memory:" }
  /// Whether this user may only read it.
  var isReadOnly: Bool { path != nil && lock == nil }

  /// A broker in memory.
  init(inMemory configuration: SQLiteConfiguration) throws(BrokerError) {
    do {
      let queue = try DatabaseQueue(configuration: Self.settings(configuration))
      try queue.writeWithoutTransaction { try Schema.create(in: $0) }
      database = queue
    } catch {
      throw StorageError(error).brokerError(path: ":memory:")
    }
    path = nil
    lock = nil
    identities = []
  }

  /// Opens the file, and makes it when it is missing. Any number of processes may do so at once. It waits, up to the
  /// deadline, for a process that holds the file, but only where something has to be written: a file that is there is opened
  /// without waiting.
  init(path given: String, configuration: SQLiteConfiguration) throws(BrokerError) {
    let path = try RealPath.resolve(given)
    let deadline = ContinuousClock.now + configuration.openDeadline
    do {
      let mayWrite = try Self.mayWrite(path)
      switch try FileContent(of: path) {
      case .foreign: throw BrokerError(.corrupt, "'\(path)' is a SQLite file, but not Warren's: name another path")
      case .none, .warren: break
      }
      if mayWrite {
        let lock = try TurnLock(beside: path)
        database = try Self.open(path, configuration, lock, until: deadline)
        lock.takePermissions()
        self.lock = lock
      } else {
        database = try Self.openForReading(path, configuration)
        lock = nil
      }
    } catch {
      throw (error as? BrokerError) ?? Self.explained(StorageError(error), path)
    }
    self.path = path
    identities = Self.identities(path)
  }

  /// Whether the paths still name the files that are open. What is written to a file without a name is lost.
  var isInPlace: Bool {
    guard let path else { return true }
    return Self.identities(path) == identities && !isEmptied
  }

  /// Whether a person or a program has emptied the file, such as by writing over it. SQLite would go on, as all of it may be in its log,
  /// and throw the log away when the file is opened again.
  private var isEmptied: Bool { path.flatMap { FileStatus(path: $0)?.size } == 0 }

  /// Changes whenever any process has written.
  var lastWrite: [FileStatus.Version?] {
    guard let path else { return [] }
    return ["", "-wal"].map { FileStatus(path: path + $0)?.version }
  }

  /// Why nothing may be written, before it is tried.
  var trouble: BrokerError? {
    guard let path else { return nil }
    if isReadOnly {
      return BrokerError(
        .readOnly, "'\(path)' can be read only: give this user the right to write the file and its directory")
    }
    if isInPlace { return nil }
    if isEmptied {
      return BrokerError(
        .unavailable,
        "'\(path)' was emptied while it is in use: put it back from a backup and restart; nothing was stored")
    }
    let names = ["", "-wal", "-shm"].map { path + $0 }
    let gone = zip(names, identities).filter { FileIdentity(path: $0) != $1 }.map { "'\($0.0)'" }
    return BrokerError(
      .unavailable,
      "\(gone.joined(separator: " and ")) was moved or deleted while it is in use: put it back, or restart with the new "
        + "one; nothing was stored")
  }

  private static func identities(_ path: String) -> [FileIdentity?] {
    [FileIdentity(path: path), FileIdentity(path: path + "-wal"), FileIdentity(path: path + "-shm")]
  }

  private static func settings(_ configuration: SQLiteConfiguration, readonly: Bool = false) -> GRDB.Configuration {
    var settings = GRDB.Configuration()
    settings.label = "warren"
    settings.readonly = readonly
    settings.foreignKeysEnabled = false
    // Warren's processes queue up at the lock. This is for other programs that write the file: short, because meanwhile
    // the lock is held, and what could not be done is done a little later.
    settings.busyMode = .timeout(0.2)
    settings.maximumReaderCount = 3
    return settings
  }

  // MARK: Opening

  private static func open(
    _ path: String, _ configuration: SQLiteConfiguration, _ lock: TurnLock,
    until deadline: ContinuousClock.Instant
  ) throws -> DatabasePool {
    while true {
      do {
        return try open(path, configuration, lock)
      } catch {
        guard StorageError(error).isBusy, ContinuousClock.now < deadline else { throw error }
        usleep(20_000)
      }
    }
  }

  private static func open(
    _ path: String, _ configuration: SQLiteConfiguration, _ lock: TurnLock
  ) throws -> DatabasePool {
    let pool = try DatabasePool(path: path, configuration: settings(configuration))
    do {
      try pool.writeWithoutTransaction { database in
        if try !Schema.isPresent(in: database, path: path) {
          // One process makes it; the others find it when it is their turn.
          guard lock.tryLock() else { throw StorageError(code: SQLITE_BUSY, message: "another process makes the file") }
          defer { lock.unlock() }
          if try !Schema.isPresent(in: database, path: path) { try Schema.create(in: database) }
        }
        // GRDB has chosen NORMAL for WAL; the promise of `publish` is FULL's.
        try database.execute(sql: "PRAGMA synchronous = \(configuration.synchronous.rawValue)")
        // After a long reader or a large batch the log shrinks again.
        try database.execute(sql: "PRAGMA journal_size_limit = \(64 << 20)")
      }
      return pool
    } catch {
      try? pool.close()
      throw error
    }
  }

  /// For a user who may not write: a snapshot of what is there.
  private static func openForReading(
    _ path: String, _ configuration: SQLiteConfiguration
  ) throws -> DatabasePool {
    let settings = settings(configuration, readonly: true)
    var pool: DatabasePool
    do {
      pool = try DatabasePool(path: path, configuration: settings)
      _ = try pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master") }
    } catch {
      // SQLite needs the log's index, which no process has made and this user may not make. Without a log the file is whole.
      guard (FileStatus(path: path + "-wal")?.size ?? 0) == 0 else { throw error }
      pool = try DatabasePool(path: FileContent.immutable(path), configuration: settings)
    }
    if try !pool.read({ try Schema.isPresent(in: $0, path: path) }) {
      throw BrokerError(.readOnly, "there is no broker in '\(path)' yet, and this user may not write it")
    }
    return pool
  }

  /// Whether this user may write the file and what SQLite keeps beside it.
  ///
  /// - Throws: ``BrokerError/Code/readOnly`` where there is no file and none can be made.
  private static func mayWrite(_ path: String) throws(BrokerError) -> Bool {
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let isThere = FileStatus(path: path) != nil
    if isThere, access(path, R_OK) != 0 {
      throw BrokerError(.readOnly, "'\(path)' cannot be read: give this user the right to read it")
    }
    if access(directory, W_OK | X_OK) == 0, !isThere || access(path, W_OK) == 0 { return true }
    if isThere { return false }
    throw BrokerError(
      .readOnly, "no file can be made in '\(directory)': give this user the right to write this directory")
  }

  private static func explained(_ error: StorageError, _ path: String) -> BrokerError {
    guard error.isBusy else { return error.brokerError(path: path) }
    return BrokerError(
      .unavailable,
      "'\(path)' could not be opened in time, because \(holder(of: path)) holds it: let it finish, or end it",
      underlying: error)
  }

  /// The process that holds the file, as far as the system tells.
  var holder: String { path.map(Self.holder) ?? "this process" }

  private static func holder(of path: String) -> String {
    let holder =
      FileIdentity(path: path + "-lock").flatMap(LockHolder.init(ofLockOn:))
      ?? FileIdentity(path: path + "-shm").flatMap(LockHolder.init(ofWriteLockOn:))
    return holder?.description ?? "another program"
  }
}
