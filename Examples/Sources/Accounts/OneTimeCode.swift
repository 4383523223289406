internal import Crypto
public import Foundation
public import GRDB

/// Codes of six digits that are mailed to people, and accepted once.
///
/// A code is stored as a keyed hash, lasts ten minutes, and is void after five wrong tries: six digits alone would be found by
/// trying. A new code replaces the one before.
public struct OneTimeCodes: Sendable {
  /// What became of a code that a person typed.
  public enum Check: Sendable, Equatable {
    /// It was right, and is used now.
    case accepted
    /// It is not the code.
    case wrong
    /// There is none, or it was used, is too old or was tried too often: another one is needed.
    case expired
  }

  /// How long a code lasts.
  public static let lifetime: TimeInterval = 600
  /// How many wrong tries make it void.
  public static let tries = 5
  private let secret: Data

  /// Codes whose hashes are keyed with `secret`.
  public init(secret: Data) { self.secret = secret }

  /// Creates the table.
  public static func migrate(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE oneTimeCodes (
          accountId TEXT PRIMARY KEY, hash BLOB NOT NULL, expiresAt REAL NOT NULL, triesLeft INTEGER NOT NULL) WITHOUT ROWID
        """)
  }

  /// Makes a code for an account. It is returned once, and stored as a hash only.
  public func make(for account: String, now: Date, in db: Database) throws -> String {
    var generator = SystemRandomNumberGenerator()
    let number = Int.random(in: 0..<1_000_000, using: &generator)
    let code = String(repeating: "0", count: 6 - "\(number)".count) + "\(number)"
    try db.execute(
      sql: "INSERT OR REPLACE INTO oneTimeCodes VALUES (?, ?, ?, ?)",
      arguments: [
        account, hash(code, account), now.addingTimeInterval(Self.lifetime).timeIntervalSince1970, Self.tries,
      ])
    return code
  }

  /// Checks a code, and counts the try. The transaction of `db` has to be committed whatever this returns.
  public func check(_ code: String, of account: String, now: Date, in db: Database) throws -> Check {
    let row = try Row.fetchOne(db, sql: "SELECT * FROM oneTimeCodes WHERE accountId = ?", arguments: [account])
    guard let row, row["expiresAt"] as Double > now.timeIntervalSince1970, row["triesLeft"] as Int > 0 else {
      return .expired
    }
    if isEqual(hash(code, account), row["hash"] as Data) {
      try db.execute(sql: "DELETE FROM oneTimeCodes WHERE accountId = ?", arguments: [account])
      return .accepted
    }
    try db.execute(
      sql: "UPDATE oneTimeCodes SET triesLeft = triesLeft - 1 WHERE accountId = ?", arguments: [account])
    return .wrong
  }

  private func hash(_ code: String, _ account: String) -> Data {
    Data(HMAC<SHA256>.authenticationCode(for: Data("\(account):\(code)".utf8), using: SymmetricKey(data: secret)))
  }
}
