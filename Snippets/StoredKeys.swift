// Unique and cancelled jobs beside RabbitMQ, by a store in the application's database.
import Foundation
import GRDB
import Warren
import WarrenGRDB
import WarrenRabbitMQ

struct UpdateIndex: JobMessage {
  static let name: MessageName = "index.update"
  static let queue: Queue = "index"
  var document: String
}

let broker = try RabbitMQBroker(url: "amqp://localhost")
let database = try DatabasePool(path: "app.db")
let store = DatabaseStore(database)

let bus = EventBus(broker, source: "orders", store: store)

var options = Worker.Options()
options.store = store
let worker = try Worker(broker, name: "index", options: options) {
  On(UpdateIndex.self) { job, context in context.logger.info("\(job.document) is indexed") }
}

func change() async throws {
  let receipt = try await bus.enqueue(UpdateIndex(document: "a"), after: .seconds(600))
  try await bus.cancel(receipt.id, of: UpdateIndex.self)
  try await bus.update(UpdateIndex(document: "b"), id: receipt.id)
}
