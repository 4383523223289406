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
      var document = try Self.document(id, db)
      guard document.createdBy == caller else {
        throw APIError.forbidden("x-user-id is not the document's author: only the author may change it")
      }
      change(&document)
      try db.execute(
        sql: "UPDATE documents SET title = ?, content = ?, tags = ?, updatedAt = ? WHERE documentId = ?",
        arguments: [document.title, document.content, try Self.list(document.tags), document.updatedAt, id])
      try outbox.publish(
        DocumentUpdated(documentId: id, title: document.title, updatedBy: caller, tags: document.tags), orderedBy: id,
        in: db)
      return try Self.document(id, db)
    }
  }

  /// Stores a comment. Throws a 404 when there is no such document.
  func insert(_ comment: Comment) async throws {
    try await database.write { db in
      let document = try Self.document(comment.documentId, db)
      try comment.insert(db)
      try outbox.publish(
        CommentAdded(
          commentId: comment.commentId, documentId: comment.documentId, title: document.title,
          createdBy: comment.createdBy, content: comment.content),
        orderedBy: comment.documentId, in: db)
    }
  }

  /// The oldest first. Throws a 404 when there is no such document.
  func comments(on id: String) async throws -> [Comment] {
    try await database.read { db in
      _ = try Self.document(id, db)
      return try Comment.fetchAll(
        db, sql: "SELECT * FROM comments WHERE documentId = ? ORDER BY number LIMIT 1000", arguments: [id])
    }
  }

  /// Throws a 409 when the mail address is taken.
  func insert(_ user: User) async throws {
    do {
      try await database.write { db in
        try user.insert(db)
        try outbox.publish(UserRegistered(userId: user.userId, name: user.name, email: user.email), in: db)
      }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
      throw APIError.conflict("email_taken", "email is registered already: take another, or use its userId")
    }
  }

  private static func document(_ id: String, _ db: Database) throws -> Document {
    let found = try Document.fetchOne(db, sql: "SELECT * FROM documents WHERE documentId = ?", arguments: [id])
    guard let found else { throw APIError.notFound("document", id) }
    return found
  }

  private static func list(_ texts: [String]) throws -> String {
    String(decoding: try JSONEncoder().encode(texts), as: UTF8.self)
  }
}
