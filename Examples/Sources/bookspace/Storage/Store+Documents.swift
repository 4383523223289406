internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import WarrenGRDB

extension Store {
  func insert(_ document: Document) async throws {
    try await database.write { db in
      try document.insert(db)
      try outbox.publish(
        DocumentCreated(
          documentId: document.documentId, title: document.title, createdBy: document.createdBy, tags: document.tags),
        orderedBy: document.documentId, in: db)
    }
  }

  /// Throws a 404 when there is none.
  func document(_ id: String) async throws -> Document {
    try await database.read { db in try Self.document(id, db) }
  }

  /// Changes a document of the caller's own, and returns it as it is then.
  func update(
    _ id: String, by caller: String, _ change: @escaping @Sendable (inout Document) -> Void
  ) async throws -> Document {
    try await database.write { db in
      var document = try Self.document(id, of: caller, db)
      try Version(document).insert(db)
      change(&document)
      try db.execute(
        sql: """
          UPDATE documents SET title = ?, content = ?, tags = ?, updatedAt = ?, version = version + 1 WHERE documentId = ?
          """,
        arguments: [document.title, document.content, try Self.list(document.tags), document.updatedAt, id])
      try outbox.publish(
        DocumentUpdated(documentId: id, title: document.title, updatedBy: caller, tags: document.tags), orderedBy: id,
        in: db)
      return try Self.document(id, db)
    }
  }

  /// Deletes a document of the caller's own, with its comments and versions.
  func delete(_ id: String, by caller: String) async throws {
    try await database.write { db in
      let document = try Self.document(id, of: caller, db)
      try db.execute(
        sql: """
          DELETE FROM comments WHERE documentId = :id;
          DELETE FROM versions WHERE documentId = :id;
          UPDATE documents SET content = '', tags = '[]', deletedAt = :now WHERE documentId = :id;
          """, arguments: ["id": id, "now": Date.now])
      try outbox.publish(
        DocumentDeleted(documentId: id, title: document.title, deletedBy: caller), orderedBy: id, in: db)
    }
  }

  /// What a document was before its changes, the newest first. Throws a 404 when there is no such document.
  func versions(of id: String) async throws -> [Version] {
    try await database.read { db in
      _ = try Self.document(id, db)
      return try Version.fetchAll(
        db, sql: "SELECT * FROM versions WHERE documentId = ? ORDER BY version DESC LIMIT 100", arguments: [id])
    }
  }

  /// A page of the documents that have this tag and this author, where they are given, and how many those are; the newest first.
  func documents(tag: String?, author: String?, page: Int, limit: Int) async throws -> (
    documents: [Document], total: Int
  ) {
    let condition = """
      deletedAt IS NULL AND (:author IS NULL OR createdBy = :author)
        AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag))
      """
    let filter: StatementArguments = ["author": author, "tag": tag]
    return try await database.read { db in
      let documents = try Document.fetchAll(
        db, sql: "SELECT * FROM documents WHERE \(condition) ORDER BY number DESC LIMIT :limit OFFSET :offset",
        arguments: filter + ["limit": limit, "offset": (page - 1) * limit])
      let total = try Int.fetchOne(db, sql: "SELECT count(*) FROM documents WHERE \(condition)", arguments: filter)
      return (documents, total ?? 0)
    }
  }

  static func document(_ id: String, _ db: Database) throws -> Document {
    let found = try Document.fetchOne(
      db, sql: "SELECT * FROM documents WHERE documentId = ? AND deletedAt IS NULL", arguments: [id])
    guard let found else { throw APIError.notFound("document", id) }
    return found
  }

  private static func document(_ id: String, of caller: String, _ db: Database) throws -> Document {
    let document = try document(id, db)
    guard document.createdBy == caller else {
      throw APIError.forbidden("x-user-id is not the document's author: only the author may change or delete it")
    }
    return document
  }

  private static func list(_ texts: [String]) throws -> String {
    String(decoding: try JSONEncoder().encode(texts), as: UTF8.self)
  }
}
