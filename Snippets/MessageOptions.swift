// The article on what a message can be told: which goes first, until when, to which exchange, only once.
import Foundation
import Warren
import WarrenSQLite

struct OrderPlaced: EventMessage {
  static let name: MessageName = "order.placed"
  static let priority: Priority = .high
  var id: String
}

struct SendCode: JobMessage {
  static let name: MessageName = "code.send"
  static let queue: Queue = "codes"
  static let timeToLive: Duration? = .seconds(300)
  var phone: String
}

struct UpdateIndex: JobMessage {
  static let name: MessageName = "index.update"
  static let queue: Queue = "index"
  var document: String
}

let broker = try SQLiteBroker(path: "broker.db")
let bus = EventBus(broker, exchange: .topic("shop"), source: "orders")

func publish() async throws {
  try await bus.publish(OrderPlaced(id: "1"))
  try await bus.publish(OrderPlaced(id: "2"), priority: .low, timeToLive: .seconds(3600))
  try await bus.enqueue(SendCode(phone: "+49…"))

  let audit = bus.on(.fanout("audit"))
  try await audit.publish(OrderPlaced(id: "3"))
}

func once() async throws {
  try await bus.enqueue(SendCode(phone: "+49…"), unique: .key("code-+49…", for: .seconds(60)))
  try await bus.enqueue(
    UpdateIndex(document: "a"), unique: .key("index-a", for: .zero, onRepeat: .debounce(longest: .seconds(30))),
    after: .seconds(5))
}

let worker = try Worker(broker, name: "orders") {
  Subscription("orders", on: .topic("shop"), to: "order.*") {
    On(OrderPlaced.self) { order, context in
      context.logger.info("order \(order.id), correlation \(context.message.correlationID ?? "none")")
      try await bus.enqueue(UpdateIndex(document: order.id))
    }
  }
}
