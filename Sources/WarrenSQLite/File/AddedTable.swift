internal import GRDB

/// A table that came after the schema's others: it is made when it is first written, so that a file of an earlier version has it,
/// too, and most files do without.
///
/// All of them stand here, so that what must hold for each table of a file can be tested of all.
enum AddedTable: String, CaseIterable {
  /// The records of the engine's state store.
  case record
  /// Who did what.
  case audit
  /// What is done to many dead letters.
  case bulkOperation = "bulk_operation"
  /// The bindings that workers ask for.
  case askedBinding = "asked_binding"
  /// What queues did and held, for a day.
  case sample

  /// Makes it if it is missing.
  func make(in database: Database) throws {
    if try !isThere(in: database) { try database.execute(sql: sql) }
  }

  /// Whether the file has it: it may have been made by another process just now.
  func isThere(in database: Database) throws -> Bool {
    try Int.fetchOne(
      database, sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", arguments: [rawValue]) != nil
  }

  private var sql: String {
    switch self {
    case .record:
      """
      CREATE TABLE record (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        expires_at INTEGER,      -- NULL: never
        value BLOB NOT NULL,
        PRIMARY KEY (kind, name)
      ) WITHOUT ROWID;
      CREATE INDEX record_expires_at ON record (expires_at) WHERE expires_at IS NOT NULL;
      """
    case .audit: "CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL)"
    case .bulkOperation:
      """
      CREATE TABLE bulk_operation (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        after INTEGER NOT NULL,  -- the last message that was dealt with
        before INTEGER NOT NULL, -- the first that came in too late
        record TEXT NOT NULL
      )
      """
    case .askedBinding:
      """
      CREATE TABLE asked_binding (
        worker INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        exchange TEXT NOT NULL, -- '': none; a queue for which no binding is asked has such a row
        key TEXT NOT NULL,
        PRIMARY KEY (worker, queue, exchange, key)
      ) WITHOUT ROWID
      """
    case .sample:
      """
      CREATE TABLE sample (
        queue INTEGER NOT NULL,  -- 0: all together
        slot INTEGER NOT NULL,   -- its place in the ring
        time INTEGER NOT NULL,
        published INTEGER,       -- thousandths of one a second; NULL: not known
        completed INTEGER,
        failed INTEGER,
        depth INTEGER,
        oldest INTEGER,          -- milliseconds
        PRIMARY KEY (queue, slot)
      ) WITHOUT ROWID
      """
    }
  }
}
