internal import GRDB
internal import Warren

/// What a broker file holds.
///
/// - `message` is the content, which never changes. Where a message is stands in narrow tables beside it, exactly one of
///   which has its number: `ready`, `delayed` or `running`.
/// - Numbers are given out once and never again, in the order of arrival.
/// - `depth` counts what is in each queue, exactly, so that rows are never counted.
enum Schema {
  /// "WRN1": tells a broker file from any other SQLite file.
  static let applicationID: Int32 = 0x5752_4E31

  /// From here on, ranks are those of messages that are handed out alone. See ``Settlement/isolate``.
  static let suspectRank: Int64 = 16

  /// What is added to the rank of a message that is handed out alone: the more workers died of it, the later its turn, so
  /// that those that only stood beside it are done before.
  static func isolationRank(interruptions: Int) -> Int64 { suspectRank * Int64(1 + min(max(0, interruptions), 1000)) }

  /// What a row says of that, as far as it can be.
  static func isolation(_ stored: Int64) -> Int64 {
    min(max(0, stored), isolationRank(interruptions: 1000))
  }

  /// Where a message stands among those that wait: the higher its priority, the sooner.
  static func rank(priority stored: Int64) -> Int64 { 9 - min(max(0, stored), 9) }

  /// A number of a message that no file ever comes to; what is beyond was written by a foreign hand.
  static let lastNumber = Int64.max / 2

  /// The number of the next row of a table from which rows are not deleted. SQLite's own counter would refuse all rows as soon as
  /// a foreign hand has set it to its end, also the audit log's entry about the repair.
  static func nextNumber(in table: AddedTable) -> String {
    "(SELECT coalesce(max(number), 0) + 1 FROM \(table.rawValue) WHERE number < \(lastNumber))"
  }

  /// The number of the next worker, which none has had: a process that sleeps may still hold one. Where SQLite's counter is of no
  /// use, the next is far beyond those that are there.
  static let nextWorker = """
    (SELECT 1 + coalesce((SELECT max(id) FROM worker WHERE id < \(lastNumber)), 0) + CASE
      WHEN c.seq IS NULL THEN 0
      WHEN typeof(c.seq) <> 'integer' OR c.seq NOT BETWEEN 0 AND \(lastNumber) THEN 1000000
      ELSE max(0, c.seq - coalesce((SELECT max(id) FROM worker WHERE id < \(lastNumber)), 0)) END
    FROM (SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'worker' LIMIT 1) AS seq) c)
    """

  /// Counts the changes of the schema. A file of another version is refused by name.
  static let version: Int32 = 3

  /// Whether the file has this schema; `false` when it has none.
  ///
  /// - Throws: ``BrokerError`` when it is another program's, or of another version.
  static func isPresent(in database: Database, path: String) throws -> Bool {
    guard try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0 > 0 else { return false }
    guard try Int32.fetchOne(database, sql: "PRAGMA application_id") == applicationID else {
      throw BrokerError(.corrupt, "'\(path)' is a SQLite file, but not Warren's: name another path")
    }
    let found = try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    if found > version {
      throw BrokerError(
        .newerVersion,
        "'\(path)' was written by a newer Warren (schema \(found), this one has \(version)): use that version, or name "
          + "another path")
    }
    if found < version {
      throw BrokerError(
        .olderVersion,
        "'\(path)' was written by an older Warren (schema \(max(1, found)), this one has \(version)): let that version "
          + "finish its work, then begin with a new file")
    }
    return true
  }

  /// Makes the tables, all or none.
  static func create(in database: Database) throws {
    try database.inTransaction(.immediate) {
      try database.execute(sql: tables)
      try database.execute(sql: "PRAGMA application_id = \(applicationID)")
      try database.execute(sql: "PRAGMA user_version = \(version)")
      return .commit
    }
  }

  private static let tables = """
    CREATE TABLE meta (
      only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
      next_seq INTEGER NOT NULL,
      topology_version INTEGER NOT NULL,
      workers_version INTEGER NOT NULL
    );
    INSERT INTO meta VALUES (1, 1, 1, 1);

    CREATE TABLE queue (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      dead_exchange TEXT,
      dead_exchange_kind TEXT,
      dead_key TEXT,
      dead_queue TEXT,
      time_to_live_seconds INTEGER,
      time_to_live_attoseconds INTEGER,
      is_paused INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE exchange (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL
    );
    CREATE TABLE binding (
      exchange INTEGER NOT NULL,
      queue INTEGER NOT NULL,
      key TEXT NOT NULL,
      PRIMARY KEY (exchange, queue, key)
    ) WITHOUT ROWID;

    CREATE TABLE message (
      seq INTEGER PRIMARY KEY,
      queue INTEGER NOT NULL,
      id TEXT,
      name TEXT,
      exchange INTEGER,        -- NULL: put there directly
      routing_key TEXT,        -- NULL: as the name
      content_type TEXT,       -- NULL: application/json; '': none
      encoding TEXT,
      correlation TEXT,
      causation TEXT,
      source TEXT,
      priority INTEGER NOT NULL,
      published_at INTEGER,
      expires_at INTEGER,      -- what the message says
      park_at INTEGER,         -- when it is parked as expired: that, or the queue's time to live
      unique_key TEXT,         -- keeps repeats out; NULL: none
      unique_queue INTEGER,    -- the queue that the key belongs to: that of the job, wherever its dead letter lies
      unique_window INTEGER,   -- for how long after its completion
      unique_since INTEGER,    -- when the first of the jobs came whose place it has taken
      headers TEXT,            -- NULL: none
      body BLOB NOT NULL
    );
    CREATE INDEX message_unique ON message (unique_queue, unique_key) WHERE unique_key IS NOT NULL;
    -- Generated ids have 36 characters. Those of one's own are few, and by them jobs are cancelled.
    CREATE INDEX message_own_id ON message (id) WHERE length(id) <> 36;
    CREATE INDEX message_park_at ON message (park_at) WHERE park_at IS NOT NULL;

    CREATE TABLE ready (
      queue INTEGER NOT NULL,
      rank INTEGER NOT NULL,   -- 9 - priority + isolation
      seq INTEGER NOT NULL,
      PRIMARY KEY (queue, rank, seq)
    ) WITHOUT ROWID;
    CREATE TABLE delayed (
      seq INTEGER PRIMARY KEY,
      queue INTEGER NOT NULL,
      due INTEGER NOT NULL
    );
    CREATE INDEX delayed_due ON delayed (due);
    CREATE INDEX delayed_queue ON delayed (queue, due);
    CREATE TABLE running (
      seq INTEGER PRIMARY KEY,
      queue INTEGER NOT NULL,
      worker INTEGER NOT NULL,
      fence INTEGER NOT NULL,
      since INTEGER NOT NULL,
      is_suspect INTEGER NOT NULL -- 0: no, 1: handed out, 2: being handled
    );

    -- Only for messages to which something has happened.
    CREATE TABLE history (
      seq INTEGER PRIMARY KEY,
      isolation INTEGER NOT NULL, -- 0, or where it stands among those that are handed out alone
      record TEXT
    );
    CREATE TABLE dead_letter (
      seq INTEGER PRIMARY KEY,
      queue INTEGER NOT NULL,
      origin INTEGER NOT NULL,
      parking INTEGER NOT NULL, -- the number that the message had: the same in each queue that it was parked in
      id TEXT,
      name TEXT,
      exchange INTEGER,
      routing_key TEXT NOT NULL,
      expires_at INTEGER,
      reason TEXT NOT NULL,
      detail TEXT NOT NULL,
      at INTEGER NOT NULL
    );
    CREATE INDEX dead_letter_queue ON dead_letter (queue, seq);
    CREATE INDEX dead_letter_origin ON dead_letter (origin, seq);
    CREATE INDEX dead_letter_parking ON dead_letter (parking);
    CREATE INDEX dead_letter_id ON dead_letter (id);

    CREATE TABLE depth (
      queue INTEGER PRIMARY KEY,
      ready INTEGER NOT NULL DEFAULT 0,
      delayed INTEGER NOT NULL DEFAULT 0,
      running INTEGER NOT NULL DEFAULT 0,
      published INTEGER NOT NULL DEFAULT 0,
      completed INTEGER NOT NULL DEFAULT 0,
      retried INTEGER NOT NULL DEFAULT 0,
      dead_lettered INTEGER NOT NULL DEFAULT 0
    );

    -- Keys of finished jobs, so that repeats are kept out.
    CREATE TABLE finished (
      queue INTEGER NOT NULL,
      key TEXT NOT NULL,
      until INTEGER NOT NULL,
      PRIMARY KEY (queue, key)
    ) WITHOUT ROWID;
    CREATE INDEX finished_until ON finished (until);

    CREATE TABLE worker (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      file TEXT NOT NULL,
      device INTEGER NOT NULL, -- of the lock file
      inode INTEGER NOT NULL,
      name TEXT NOT NULL,
      since INTEGER NOT NULL
    );
    CREATE TABLE worker_queue (
      worker INTEGER NOT NULL,
      queue INTEGER NOT NULL,
      consumers INTEGER NOT NULL,
      PRIMARY KEY (worker, queue)
    ) WITHOUT ROWID;

    -- Rows that said what was not true. They were taken out of the way; this is for an operator to see.
    CREATE TABLE set_aside (
      number INTEGER PRIMARY KEY,
      place TEXT NOT NULL,
      queue INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      at INTEGER NOT NULL
    );
    """
}
