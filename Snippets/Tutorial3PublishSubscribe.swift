// RabbitMQ tutorial 3: everybody who listens hears every log line.
import AMQP

let uri = CommandLine.arguments.dropFirst().first ?? "amqp://guest:guest@localhost"
var configuration = try AMQPConfiguration(uri: uri)
// A queue of this process alone. It is part of the topology, so it is there again when the connection comes back.
let mine = "logs-\(UInt64.random(in: .min ... .max))"
configuration.topology = AMQPTopology(
  exchanges: [.init("logs", type: "fanout")],
  queues: [.init(mine, durable: false, exclusive: true)],
  bindings: [.init(from: "logs", to: .queue(mine))])

try await AMQPConnection.withConnection(configuration) { connection in
  try await connection.withChannel { channel in
    // No consumer is needed: a message that is not mandatory may be routed nowhere.
    try await channel.publish(AMQPMessage(exchange: "logs", routingKey: "", mandatory: false, body: "info: Hello!"))
  }
  try await connection.consume(mine) { deliveries in
    for try await delivery in deliveries {
      print(" [x] \(delivery.text)")
      delivery.ack()
      break
    }
  }
}
