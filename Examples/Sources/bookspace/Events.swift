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

/// A user commented on a document.
struct CommentAdded: EventMessage {
  static let name: MessageName = "comment.added"
  var commentId: String
  var documentId: String
  var title: String
  var createdBy: String
  var content: String
}

/// A user registered.
struct UserRegistered: EventMessage {
  static let name: MessageName = "user.registered"
  var userId: String
  var name: String
  var email: String
}
