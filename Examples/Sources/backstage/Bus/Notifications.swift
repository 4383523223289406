package import Warren

/// What a notification is about: `{"related_id": 123, "related_type": "post"}`.
public struct Related: Sendable, Equatable {
  /// The id of the post, ticket, event or listing.
  public var id: Int
  /// What it is: `post`, `ticket`, `event` or `listing`.
  public var type: String

  /// Something of that type.
  public static func to(_ type: String, _ id: Int) -> Related { Related(id: id, type: type) }
}

/// A notification for one user, on its way to the notifications service. It is routed as `notification.<kind>`.
package struct NotificationSent: EventMessage, Equatable {
  package static let name: MessageName = "notification"
  package static let routingPattern: RoutingKey = "notification.*"
  package var userId: Int
  /// The kind: `like`, `ticket_purchase`, `event_reminder`, `system`.
  package var type: String
  package var title: String
  package var message: String
  package var relatedId: Int?
  package var relatedType: String?

  /// `notification.<kind>`.
  package var routingKey: RoutingKey { "notification.\(type)" }

  init(to user: Int, _ kind: String, _ title: String, _ message: String, _ related: Related?) {
    userId = user
    type = kind
    self.title = title
    self.message = message
    relatedId = related?.id
    relatedType = related?.type
  }
}

/// The task of sending a mail, in `email.queue`. The notifications service puts it there, together with the notification.
package struct SendEmail: JobMessage {
  package static let name: MessageName = "email.send"
  package static let queue = Layout.emails
  package static let codec: any MessageCodec = BackstageCodec(service: "notifications")
  package var userId: Int
  package var to: String
  package var name: String
  package var subject: String
  package var message: String

  /// A mail to a user.
  package init(userId: Int, to: String, name: String, subject: String, message: String) {
    self.userId = userId
    self.to = to
    self.name = name
    self.subject = subject
    self.message = message
  }
}
