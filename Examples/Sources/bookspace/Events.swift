internal import Warren

/// A user wrote a document.
struct DocumentCreated: EventMessage {
  static let name: MessageName = "document.created"
  var documentId: String
  var title: String
  var createdBy: String
  var tags: [String]
}

/// Its author changed a document. What it holds now is for the handler to read.
struct DocumentUpdated: EventMessage {
  static let name: MessageName = "document.updated"
  var documentId: String
  var title: String
  var updatedBy: String
  var tags: [String]
}

/// Its author deleted a document, and with it its comments.
struct DocumentDeleted: EventMessage {
  static let name: MessageName = "document.deleted"
  var documentId: String
  var title: String
  var deletedBy: String
}

/// A user commented on a document.
struct CommentAdded: EventMessage {
  static let name: MessageName = "comment.added"
  var commentId: String
  var documentId: String
  var title: String
  var createdBy: String
  var content: String
}

/// A comment was deleted, by its author or by that of the document.
struct CommentDeleted: EventMessage {
  static let name: MessageName = "comment.deleted"
  var commentId: String
  var documentId: String
  var deletedBy: String
}

/// A user registered.
struct UserRegistered: EventMessage {
  static let name: MessageName = "user.registered"
  var userId: String
  var name: String
  var email: String
}

/// A user changed name or address.
struct UserUpdated: EventMessage {
  static let name: MessageName = "user.updated"
  var userId: String
  var name: String
  var email: String
}

/// A user left.
struct UserDeleted: EventMessage {
  static let name: MessageName = "user.deleted"
  var userId: String
}
