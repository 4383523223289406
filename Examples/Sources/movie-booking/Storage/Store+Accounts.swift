internal import Accounts
internal import Foundation
internal import GRDB
internal import Warren
internal import WarrenGRDB

extension Store {
  /// Stores a registration and, in the same transaction, the mail with its code. For an address that has an account already
  /// the mail says so, and nothing else differs.
  func register(_ account: Account, _ codes: OneTimeCodes) async throws {
    try await database.write { db in
      if let owner = try Self.account(account.email, db) {
        let content = Email.Content(to: owner.email, name: owner.name)
        try outbox.enqueue(Email(template: "account_exists", data: content), in: db)
        return
      }
      // Old ones are of no use any more, for any address.
      let oldest = Date.now.addingTimeInterval(-OneTimeCodes.lifetime)
      try db.execute(sql: "DELETE FROM registrations WHERE createdAt < ?", arguments: [oldest])
      try db.execute(
        sql: "INSERT INTO registrations VALUES (?, ?, ?, ?, ?)",
        arguments: [account.userId, account.name, account.email, account.passwordHash, account.createdAt])
      let code = try codes.make(for: account.userId, now: .now, in: db)
      let content = CodeMail.Content(
        to: account.email, name: account.name, otp: code, minutes: Int(OneTimeCodes.lifetime) / 60)
      try outbox.enqueue(CodeMail(data: content), id: MessageID("otp-\(account.userId)"), in: db)
    }
  }

  enum Verification {
    case accepted(Account)
    case refused
  }

  /// Makes the registration whose code this is an account.
  func verify(_ email: String, _ code: String, _ codes: OneTimeCodes) async throws -> Verification {
    // A wrong try is counted, so this transaction is committed either way.
    try await database.write { db in
      let registrations = try Account.fetchAll(
        db, sql: "SELECT * FROM registrations WHERE email = ? ORDER BY createdAt DESC LIMIT 5", arguments: [email])
      for registration in registrations
      where try codes.check(code, of: registration.userId, now: .now, in: db) == .accepted {
        try registration.insert(db)
        try db.execute(sql: "DELETE FROM registrations WHERE email = ?", arguments: [email])
        return .accepted(registration)
      }
      return .refused
    }
  }

  /// The account of an address, if it has one.
  func account(_ email: String) async throws -> Account? {
    try await database.read { db in try Self.account(email, db) }
  }

  private static func account(_ email: String, _ db: Database) throws -> Account? {
    try Account.fetchOne(db, sql: "SELECT * FROM accounts WHERE email = ?", arguments: [email])
  }
}
