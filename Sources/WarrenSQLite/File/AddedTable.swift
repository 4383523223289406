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
  /// Dead letters that were deleted and can be put back.
  case trash

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
    case .trash:
      """
      CREATE TABLE trash (
        number INTEGER PRIMARY KEY, -- in the order of deleting
        seq INTEGER NOT NULL UNIQUE,
        deleted_at INTEGER NOT NULL,
        total INTEGER NOT NULL,     -- the size of all that were ever put here, up to this one
        -- As in the table 'dead_letter'.
        queue INTEGER NOT NULL,
        origin INTEGER NOT NULL,
        parking INTEGER NOT NULL,
        id TEXT,
        name TEXT,
        exchange INTEGER,
        routing_key TEXT NOT NULL,
        expires_at INTEGER,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        at INTEGER NOT NULL,
        -- As in the table 'history'.
        record TEXT,
        -- As in the table 'message'.
        message_id TEXT,
        message_name TEXT,
        message_exchange INTEGER,
        message_routing_key TEXT,
        message_content_type TEXT,
        message_encoding TEXT,
        message_correlation TEXT,
        message_causation TEXT,
        message_source TEXT,
        message_priority INTEGER NOT NULL,
        message_published_at INTEGER,
        message_expires_at INTEGER,
        message_park_at INTEGER,
        message_unique_key TEXT,
        message_unique_queue INTEGER,
        message_unique_window INTEGER,
        message_unique_since INTEGER,
        message_headers TEXT,
        message_body BLOB NOT NULL
      );
      CREATE INDEX trash_total ON trash (total);
      CREATE INDEX trash_id ON trash (id);
      """
    }
  }
}
