internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import Warren
internal import WarrenGRDB

/// The application's own data, in its own file, which API and worker share.
struct Store: Sendable {
  let database: any DatabaseWriter
  /// Where each change leaves its event, in its own transaction: neither is without the other.
  let outbox: Outbox
  /// By which the worker does each step for an event once.
  let inbox: Inbox

  /// Opens the file, and creates it where needed.
  init(file: URL) throws {
    database = try ApplicationDatabase.open(file, migrator: Self.migrator)
    outbox = Outbox(database, MessageComposer(source: "bookspace-api", exchange: Layout.events))
    inbox = Inbox(database)
  }

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("documents, users and what the worker makes of them") { db in
      try db.execute(
        sql: """
          CREATE TABLE documents (
            number INTEGER PRIMARY KEY, -- what the index knows a document by
            documentId TEXT NOT NULL UNIQUE, title TEXT NOT NULL, content TEXT NOT NULL, tags TEXT NOT NULL,
            createdBy TEXT NOT NULL, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL);
          CREATE TABLE comments (
            number INTEGER PRIMARY KEY,
            commentId TEXT NOT NULL UNIQUE, documentId TEXT NOT NULL REFERENCES documents (documentId),
            content TEXT NOT NULL, createdBy TEXT NOT NULL, createdAt TEXT NOT NULL);
          CREATE INDEX commentsOfDocument ON comments (documentId);
          CREATE TABLE users (
            userId TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, createdAt TEXT NOT NULL);
          CREATE TABLE notifications (
            number INTEGER PRIMARY KEY,
            notificationId TEXT NOT NULL UNIQUE, userId TEXT NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL,
            createdAt TEXT NOT NULL);
          CREATE INDEX notificationsOfUser ON notifications (userId);
          CREATE VIRTUAL TABLE documentIndex USING fts5 (title, content, tags);
          CREATE TABLE counts (
            event TEXT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (event, day)) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("versions of documents, and those that were deleted") { db in
      try db.execute(
        sql: """
          ALTER TABLE documents ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
          ALTER TABLE documents ADD COLUMN deletedAt TEXT; -- the row stays, so that its number is not given again
          CREATE INDEX documentsOfAuthor ON documents (createdBy);
          CREATE TABLE versions (
            documentId TEXT NOT NULL REFERENCES documents (documentId), version INTEGER NOT NULL,
            title TEXT NOT NULL, content TEXT NOT NULL, tags TEXT NOT NULL, updatedAt TEXT NOT NULL,
            PRIMARY KEY (documentId, version)) WITHOUT ROWID;
          """)
    }
    return migrator
  }
}
