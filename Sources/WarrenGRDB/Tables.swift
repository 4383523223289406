public import GRDB
internal import Warren

extension DatabaseMigrator {
  /// Registers the tables of ``Outbox``, ``Inbox`` and ``DatabaseStore``, so that they are made with the application's own:
  ///
  /// ```swift
  /// var migrator = DatabaseMigrator()
  /// migrator.registerWarrenTables()
  /// migrator.registerMigration("bookings") { db in … }
  /// try migrator.migrate(database)
  /// ```
  /// Their names begin with `warren_`. Later versions add migrations here; call it always and change nothing else.
  public mutating func registerWarrenTables() {
    registerMigration("warren 1: outbox and inbox") { try $0.execute(sql: Tables.first) }
    registerMigration("warren 2: store") { try $0.execute(sql: Tables.second) }
  }
}

enum Tables {
  static let outbox = "warren_outbox"
  static let inbox = "warren_inbox"
  static let store = "warren_store"

  /// Throws a sentence when the application has not made them.
  static func check(_ table: String, _ db: Database) throws {
    if try !db.tableExists(table) {
      throw BrokerError(
        .invalid,
        "the database has no table '\(table)': call `migrator.registerWarrenTables()` where the application's migrations are"
      )
    }
  }

  /// Times are milliseconds since 1970.
  fileprivate static let first = """
    CREATE TABLE warren_outbox (
      seq INTEGER PRIMARY KEY, -- the order of commits; that of a deleted message can be given out again
      order_key TEXT,          -- messages that share it are published in this order
      stored_at INTEGER NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      next_try INTEGER,        -- NULL: not tried yet
      error TEXT,
      id TEXT NOT NULL,
      name TEXT,
      exchange TEXT,           -- with routing_key; NULL: for the queue
      routing_key TEXT,
      queue TEXT,
      not_before INTEGER,
      uniqueness TEXT,         -- JSON
      content_type TEXT,
      content_encoding TEXT,
      published_at INTEGER,
      correlation TEXT,
      causation TEXT,
      source TEXT,
      priority INTEGER NOT NULL,
      expires_at INTEGER,
      headers TEXT,            -- JSON; NULL: none
      body BLOB NOT NULL
    );
    CREATE INDEX warren_outbox_failed ON warren_outbox (next_try) WHERE next_try IS NOT NULL;

    CREATE TABLE warren_inbox (
      queue TEXT NOT NULL,
      message TEXT NOT NULL,   -- its id
      step TEXT NOT NULL,
      position INTEGER NOT NULL, -- which of the message's steps it was, from 1
      value TEXT,              -- what the effect returned, as JSON
      at INTEGER NOT NULL,
      PRIMARY KEY (queue, message, step)
    ) WITHOUT ROWID;
    CREATE INDEX warren_inbox_at ON warren_inbox (at);
    """

  fileprivate static let second = """
    CREATE TABLE warren_store (
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      expires_at INTEGER,      -- NULL: never
      value BLOB NOT NULL,
      PRIMARY KEY (kind, name)
    ) WITHOUT ROWID;
    CREATE INDEX warren_store_expires_at ON warren_store (expires_at) WHERE expires_at IS NOT NULL;
    """
}
