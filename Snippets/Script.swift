// Publishing from a script: the broker runs while the closure does.
import Warren
import WarrenSQLite

struct UserRegistered: EventMessage {
  static let name: MessageName = "user.registered"
  var userID: String
}

let broker = try SQLiteBroker(path: "broker.db")
try await broker.withBroker { broker in
  try await broker.apply(Topology(exchanges: [.topic("users")]))
  let bus = EventBus(broker, exchange: .topic("users"), source: "import")
  let results = try await bus.publish((1...1000).map { UserRegistered(userID: "\($0)") })
  print(results.count, "published in one round trip")
}
