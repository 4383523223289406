public import Warren

/// The exchanges and queues of backstage, and which service gets which events.
public enum Layout {
  /// The main event bus for all events of the system.
  public static let events = Exchange.topic("backstage.events")
  /// Notifications for users, by `notification.<kind>`.
  public static let notifications = Exchange.topic("backstage.notifications")
  /// What a service of recommendations, which is not part of the system, suggests to users: `concerts.recommended`.
  public static let concerts = Exchange.topic("concerts")
  /// Tasks of sending a mail.
  public static let emails = queue(of: "email")

  /// What the services of the system subscribe to, by `SERVICE_NAME`.
  public static let subscriptions: [String: [RoutingKey]] = [
    "publications": ["user.created", "user.updated", "user.deleted"],
    "tickets": [
      "user.created", "user.updated", "user.deleted", "event.created", "event.updated", "listing.sold",
    ],
    "market": ["user.created", "user.updated", "user.deleted", "ticket.purchased", "ticket.transferred"],
    "notifications": [
      "ticket.purchased", "event.reminder", "listing.sold", "ticket.transferred", "user.created", "user.updated",
      "user.deleted",
    ],
    "analytics": ["#"],
  ]

  /// The queue of a service: `$SERVICE_NAME.queue`. What gives up there goes to `$SERVICE_NAME.queue.dlq`.
  public static func queue(of service: String) -> Queue { Queue("\(service).queue") }

  /// All of it: what each publisher declares before its first event, so that no service of the system misses one.
  ///
  /// A service that is not listed declares its own queue when it subscribes, and no publisher needs to know it.
  public static func topology() throws(BrokerError) -> Topology {
    var topology = try Topology(queues: [emails])
    for service in subscriptions.keys.sorted() { topology = try topology.merging(self.topology(of: service)) }
    return topology
  }

  /// The queue of a service of the system and what it is bound to.
  ///
  /// - Parameter name: its `SERVICE_NAME`, where that is another.
  public static func topology(of service: String, named name: String? = nil) throws(BrokerError) -> Topology {
    let queue = queue(of: name ?? service)
    var bindings = (subscriptions[service] ?? []).map { Binding(queue.name, to: events.name, key: $0) }
    if service == "notifications" {
      bindings.append(Binding(queue.name, to: notifications.name, key: "notification.#"))
      bindings.append(Binding(queue.name, to: concerts.name, key: "concerts.recommended"))
    }
    return try Topology(exchanges: [events, notifications, concerts], queues: [queue], bindings: bindings)
  }
}
