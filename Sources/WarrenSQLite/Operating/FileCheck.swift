internal import GRDB
internal import Warren

/// What must be true of the rows of a file, and how it is made true again. It looks at all rows: a second for each few
/// million.
enum FileCheck {
  /// One rule: how many rows break it, and how they are repaired.
  struct Rule: Sendable {
    let text: String
    /// The table that it is about, if a file may be without it.
    var table: AddedTable?
    let count: @Sendable (Database) throws -> Int
    let repair: @Sendable (Database) throws -> Void

    /// - Parameters:
    ///   - count: a statement that counts the rows.
    ///   - repair: those that repair them.
    init(text: String, in table: AddedTable? = nil, count: String, repair: [String]) {
      self.init(text: text, in: table) {
        try Int.fetchOne($0, sql: count) ?? 0
      } repair: { database in
        for sql in repair { try database.execute(sql: sql) }
      }
    }

    init(
      text: String, in table: AddedTable?, count: @escaping @Sendable (Database) throws -> Int,
      repair: @escaping @Sendable (Database) throws -> Void
    ) {
      self.text = text
      self.table = table
      self.count = count
      self.repair = repair
    }

    fileprivate func applies(to database: Database) throws -> Bool { try table?.isThere(in: database) ?? true }
  }

  /// In the order in which they are repaired. Messages are never deleted.
  static var rules: [Rule] { kinds + numbers + records + places }

  /// How many rows break which rule; rules that hold are left out.
  static func broken(_ database: Database) throws -> [(rule: Rule, count: Int)] {
    try rules.compactMap { rule in
      guard try rule.applies(to: database) else { return nil }
      let count = try rule.count(database)
      return count > 0 ? (rule, count) : nil
    }
  }

  /// Repairs what is broken, and returns what that was.
  static func repair(_ database: Database) throws -> [(rule: Rule, count: Int)] {
    let found = try broken(database)
    // One repair may be what the next rule looks at, so that all are done, in order.
    if !found.isEmpty {
      for rule in rules where try rule.applies(to: database) { try rule.repair(database) }
    }
    try database.execute(sql: "DELETE FROM set_aside")
    return found
  }
}
