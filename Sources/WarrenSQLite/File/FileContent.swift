internal import Foundation
internal import GRDBSQLite

/// Whose file it is, found out without changing anything: neither the file nor what lies beside it.
enum FileContent: Equatable {
  /// Missing, empty, or with no table in it yet.
  case none
  case warren
  /// A SQLite file of another program.
  case foreign

  /// - Throws: ``StorageError`` when it is no SQLite file, or cannot be read.
  init(of path: String) throws(StorageError) {
    guard let size = FileStatus(path: path)?.size, size > 0 else {
      self = .none
      return
    }
    // Opened by SQLite, never past it: closing a file drops every lock that this process has on it, and SQLite alone knows whether
    // there are any (https://www.sqlite.org/howtocorrupt.html, 2.2). Without them the next process that ends takes itself for
    // the last one and deletes the log. SQLite takes such a file as it is: nothing is recovered and nothing is made.
    var connection: OpaquePointer?
    defer { sqlite3_close(connection) }
    let opened = sqlite3_open_v2(
      Self.immutable(path), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nil)
    guard opened == SQLITE_OK else { throw StorageError(handle: connection) }
    let tables = Result { () throws(StorageError) in try Self.number("SELECT count(*) FROM sqlite_master", connection) }
    // This counts for more, and is read last. SQLite may take the file for damaged as long as its log is not written back whole:
    // on a full disk, after a kill, or while another process does so.
    if Self.programNumber(connection) == UInt32(bitPattern: Schema.applicationID) {
      self = .warren
    } else if try tables.get() > 0 {
      self = .foreign
    } else {
      self = Self.inLog(of: path)
    }
  }

  /// The file as a URI that SQLite opens without looking for a log.
  static func immutable(_ path: String) -> String {
    let allowed = CharacterSet(charactersIn: "?#%").inverted
    return "file:\(path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path)?immutable=1"
  }

  /// The application id in the header of the file (https://www.sqlite.org/fileformat.html, 1.3), read by SQLite's own means.
  private static func programNumber(_ connection: OpaquePointer?) -> UInt32? {
    var file: UnsafeMutablePointer<sqlite3_file>?
    var number: UInt32 = 0
    guard sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK, let file,
      file.pointee.pMethods?.pointee.xRead(file, &number, 4, 68) == SQLITE_OK
    else { return nil }
    return UInt32(bigEndian: number)
  }

  /// The first page of the file, if the log has a newer one: it tells the program's number, and whether there are tables.
  private static func inLog(of path: String) -> FileContent {
    guard let log = FileHandle(forReadingAtPath: path + "-wal") else { return .none }
    defer { try? log.close() }
    func read(_ count: Int) -> [UInt8]? {
      guard let data = try? log.read(upToCount: count), data.count == count else { return nil }
      return [UInt8](data)
    }
    func number(_ bytes: [UInt8], at offset: Int) -> UInt32 {
      bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    guard let header = read(32) else { return .none }
    let pageSize = Int(number(header, at: 8))
    guard pageSize >= 512, pageSize <= 65_536 else { return .none }
    var found = FileContent.none
    // Frames of an older round have another salt.
    while let frame = read(24), frame[8..<16].elementsEqual(header[16..<24]), let page = read(pageSize) {
      guard number(frame, at: 0) == 1 else { continue }
      if number(page, at: 68) == UInt32(bitPattern: Schema.applicationID) {
        found = .warren
      } else {
        // The number of tables that fit the first page, or 0 where there is none.
        found = page[103] == 0 && page[104] == 0 && page[100] == 13 ? .none : .foreign
      }
    }
    return found
  }

  private static func number(_ sql: String, _ connection: OpaquePointer?) throws(StorageError) -> Int {
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK,
      sqlite3_step(statement) == SQLITE_ROW
    else { throw StorageError(handle: connection) }
    return Int(sqlite3_column_int64(statement, 0))
  }
}
