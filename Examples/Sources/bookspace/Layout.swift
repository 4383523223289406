internal import Warren

/// The exchanges and queues of the system: one fanout exchange, and one queue that gets everything from it.
enum Layout {
  static let events = Exchange.fanout("bookspace.events")
  static let notifications = Queue(
    "bookspace.notifications",
    deadLetter: .exchange("bookspace.events.dlx", key: "bookspace.events.dlq"))

  /// A failed event is tried again after 1, 2 and 4 s; the fourth failure is the last.
  static let retry = RetryPolicy.exponential(from: .seconds(1), retries: 3)

  /// All of it. API and worker both apply it before they serve.
  static func topology() throws -> Topology {
    try Topology(
      exchanges: [events], queues: [notifications], bindings: [Binding(notifications.name, to: events.name)])
  }
}
