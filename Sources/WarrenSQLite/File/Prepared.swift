internal import Foundation
internal import GRDB
internal import GRDBSQLite

/// A prepared statement, stepped through SQLite's own interface.
///
/// GRDB compiles it and owns the connection. Binding and stepping go past GRDB, because its arguments are boxed one by one,
/// which costs more than the statement itself in a transaction of a thousand small writes.
final class Prepared {
  private let statement: Statement
  private let handle: OpaquePointer

  init(_ database: Database, _ sql: String) throws {
    statement = try database.makeStatement(sql: sql)
    handle = statement.sqliteStatement
  }

  // MARK: Binding, from 1

  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

  func bind(_ index: Int32, _ value: Int64?) {
    if let value { sqlite3_bind_int64(handle, index, value) } else { sqlite3_bind_null(handle, index) }
  }

  func bind(_ index: Int32, _ text: String) {
    var text = text
    text.withUTF8 { bytes in
      // The address of empty text may be null, which would bind NULL.
      guard let address = bytes.baseAddress else {
        sqlite3_bind_text(handle, index, "", 0, transient)
        return
      }
      let start = UnsafeRawPointer(address).assumingMemoryBound(to: CChar.self)
      sqlite3_bind_text(handle, index, start, Int32(bytes.count), transient)
    }
  }

  func bind(_ index: Int32, _ text: String?) {
    if let text { bind(index, text) } else { sqlite3_bind_null(handle, index) }
  }

  func bind(_ index: Int32, _ data: Data) {
    _ = data.withUnsafeBytes { bytes in
      if let address = bytes.baseAddress, !bytes.isEmpty {
        sqlite3_bind_blob(handle, index, address, Int32(bytes.count), transient)
      } else {
        sqlite3_bind_zeroblob(handle, index, 0)
      }
    }
  }

  // MARK: Stepping

  /// Whether there is another row. After the last one the statement is ready to be used again.
  func step() throws -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE:
      sqlite3_reset(handle)
      return false
    default:
      let error = StorageError(handle: sqlite3_db_handle(handle))
      sqlite3_reset(handle)
      throw error
    }
  }

  /// Runs a statement that has no rows. Returns how many rows it changed.
  @discardableResult
  func run() throws -> Int {
    while try step() {}
    return Int(sqlite3_changes(sqlite3_db_handle(handle)))
  }

  /// Gives up the remaining rows.
  func reset() { sqlite3_reset(handle) }

  /// Runs `read` on the first row, if there is one.
  func first<Result>(_ read: (Prepared) throws -> Result) throws -> Result? {
    guard try step() else { return nil }
    defer { reset() }
    return try read(self)
  }

  // MARK: Reading, from 0

  func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  /// `nil` also where a foreign hand has left what is no number. Taken for 0, a time that is none would be over again and again.
  func optionalInt(_ column: Int32) -> Int64? {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_INTEGER, SQLITE_FLOAT: int(column)
    default: nil
    }
  }

  func text(_ column: Int32) -> String { optionalText(column) ?? "" }

  func optionalText(_ column: Int32) -> String? {
    guard let start = sqlite3_column_text(handle, column) else { return nil }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  func data(_ column: Int32) -> Data {
    guard let start = sqlite3_column_blob(handle, column) else { return Data() }
    return Data(bytes: start, count: Int(sqlite3_column_bytes(handle, column)))
  }
}

/// SQLite copies what is bound.
private nonisolated(unsafe) let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
