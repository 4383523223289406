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

/// What SQLite said, before it is known what it means for a caller.
struct StorageError: Error {
  /// The extended result code.
  var code: Int32
  var message: String
  /// The file that failed, where it is not the broker's own.
  var file: String?

  init(code: Int32, message: String, file: String? = nil) {
    self.code = code
    self.message = message
    self.file = file
  }

  /// A file beside the broker's could not be opened or made; `errno` tells why.
  init(openingFailedAt path: String) {
    let number = errno
    let code =
      switch number {
      case ENOSPC, EDQUOT: SQLITE_FULL
      case EACCES, EPERM, EROFS: SQLITE_READONLY
      default: SQLITE_CANTOPEN
      }
    self.init(code: code, message: String(cString: strerror(number)), file: path)
  }

  init(handle: OpaquePointer?) {
    code = sqlite3_extended_errcode(handle)
    message = String(cString: sqlite3_errmsg(handle))
  }

  init(_ error: any Error) {
    if let error = error as? StorageError {
      self = error
    } else if let error = error as? DatabaseError {
      self.init(code: error.extendedResultCode.rawValue, message: error.message ?? "no particulars")
    } else {
      self.init(code: SQLITE_ERROR, message: "\(error)")
    }
  }

  /// The primary result code.
  var primary: Int32 { code & 0xFF }

  /// Whether another program holds the file: it is tried again, and no caller is told.
  var isBusy: Bool { primary == SQLITE_BUSY || primary == SQLITE_LOCKED }

  /// Whether it is the surroundings that failed, so that the same work can succeed later.
  var isOfTheSurroundings: Bool {
    switch primary {
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM,
      SQLITE_NOMEM, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_PROTOCOL:
      true
    default: false
    }
  }

  /// Whether every request would have failed in the same way, however small or whatever rows it touches.
  var concernsAll: Bool {
    switch primary {
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_READONLY, SQLITE_PERM, SQLITE_NOTADB, SQLITE_PROTOCOL: true
    default: false
    }
  }

  /// What a caller is told. Never shows a body: SQLite's messages name tables and files only.
  func brokerError(path own: String) -> BrokerError {
    let path = file ?? own
    return switch primary {
    case SQLITE_FULL:
      BrokerError(.full, "no room is left for '\(path)': free some of its disk; nothing was stored", underlying: self)
    case SQLITE_READONLY:
      BrokerError(
        .readOnly,
        "'\(path)' cannot be written: give this user the right to write \(file == nil ? "the file and its directory" : "it")",
        underlying: self)
    case SQLITE_CORRUPT:
      BrokerError(
        .corrupt, "'\(path)' is damaged (\(message)): restore it from a backup, or save what `sqlite3 .recover` finds",
        underlying: self)
    case SQLITE_NOTADB:
      BrokerError(.corrupt, "'\(path)' is not a SQLite file: name another path", underlying: self)
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH:
      BrokerError(
        .unavailable, "'\(path)' cannot be opened (\(message)): check that its directory exists and may be written",
        underlying: self)
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL:
      BrokerError(
        .unavailable, "another program holds '\(path)' locked: end it; nothing was stored", underlying: self)
    default:
      BrokerError(
        .unavailable, "'\(path)' cannot be used now (SQLite \(code): \(message)): check its disk; nothing was stored",
        underlying: self)
    }
  }
}
