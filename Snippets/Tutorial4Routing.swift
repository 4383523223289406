// RabbitMQ tutorial 4: listen to some severities only.
import AMQP

var configuration = try AMQPConfiguration(uri: "amqp://guest:guest@localhost")
let mine = "errors-\(UInt64.random(in: .min ... .max))"
configuration.topology = AMQPTopology(
  exchanges: [.init("direct_logs", type: "direct")],
  queues: [.init(mine, durable: false, exclusive: true)],
  bindings: ["warning", "error"].map { .init(from: "direct_logs", to: .queue(mine), routingKey: $0) })

try await AMQPConnection.withConnection(configuration) { connection in
  try await connection.withChannel { channel in
    for severity in ["info", "warning", "error"] {
      try await channel.publish(
        AMQPMessage(exchange: "direct_logs", routingKey: severity, mandatory: false, body: "it is \(severity)"))
    }
  }
  try await connection.consume(mine) { deliveries in
    for try await delivery in deliveries {
      print(" [x] \(delivery.routingKey): \(delivery.text)")
      delivery.ack()
      if delivery.routingKey == "error" { break }
    }
  }
}
