// backstage.md, "Publishing Events": an event, and a notification for a user.
// SERVICE_NAME=posts swift run --package-path Examples BackstagePublishing
import BackstageBus
import Warren

/// On the wire its fields are `post_id`, `user_id` and `title`.
struct PostCreated: EventMessage {
  static let name: MessageName = "post.created"
  var postId: Int
  var userId: Int
  var title: String
}

let bus = try BackstageBus()
try await bus.broker.withBroker { _ in
  // Once at the start, so that a broker that cannot be reached is known before anything else.
  try await bus.initialize()

  let published = try await bus.publishEvent(PostCreated(postId: 123, userId: 456, title: "My Post"))
  print("post.created:", published.result)

  let sent = try await bus.sendNotification(
    to: 456, kind: "like", title: "New Like", message: "Someone liked your post", related: .to("post", 123))
  print("notification.like:", sent.result)
}
