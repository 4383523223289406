internal import GRDB

extension Store {
  /// The documents with words that begin as those of the query do, the best first.
  func search(_ query: String, limit: Int) async throws -> [Document] {
    let words = query.split { !$0.isLetter && !$0.isNumber }
    if words.isEmpty { return [] }
    // Each word is quoted, so that nothing in a query is taken for the index's own language.
    let pattern = words.map { "\"\($0)\"*" }.joined(separator: " ")
    return try await database.read { db in
      try Document.fetchAll(
        db,
        sql: """
          SELECT documents.* FROM documentIndex JOIN documents ON documents.number = documentIndex.rowid
          WHERE documentIndex MATCH ? AND deletedAt IS NULL ORDER BY rank LIMIT ?
          """, arguments: [pattern, limit])
    }
  }

  /// Indexes a document as it is now, so the order of its events does not matter.
  static func index(_ documentId: String, _ db: Database) throws {
    try db.execute(
      sql: """
        DELETE FROM documentIndex WHERE rowid = (SELECT number FROM documents WHERE documentId = :id);
        INSERT INTO documentIndex (rowid, title, content, tags)
          SELECT number, title, content, tags FROM documents
            WHERE documentId = :id AND deletedAt IS NULL;
        """, arguments: ["id": documentId])
  }
}
