// RabbitMQ tutorial 4: listen to some severities only.
import AMQP

let uri = CommandLine.arguments.dropFirst().first ?? "amqp://guest:guest@localhost"
var configuration = try AMQPConfiguration(uri: uri)
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
