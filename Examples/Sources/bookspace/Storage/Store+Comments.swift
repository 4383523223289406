internal import ExampleSupport
internal import GRDB
internal import WarrenGRDB

extension Store {
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

  /// Deletes a comment of the caller's own, or on a document of the caller's own.
  func deleteComment(_ commentID: String, on id: String, by caller: String) async throws {
    try await database.write { db in
      let document = try Self.document(id, db)
      let comment = try Comment.fetchOne(
        db, sql: "SELECT * FROM comments WHERE documentId = ? AND commentId = ?", arguments: [id, commentID])
      guard let comment else { throw APIError.notFound("comment", commentID) }
      guard [comment.createdBy, document.createdBy].contains(caller) else {
        throw APIError.forbidden("x-user-id wrote neither the comment nor the document: only these two may delete it")
      }
      try db.execute(sql: "DELETE FROM comments WHERE commentId = ?", arguments: [commentID])
      try outbox.publish(
        CommentDeleted(commentId: commentID, documentId: id, deletedBy: caller), orderedBy: id, in: db)
    }
  }
}
