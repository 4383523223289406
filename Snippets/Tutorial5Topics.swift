// RabbitMQ tutorial 5: listen by pattern. A star is one word, a hash any number.
import AMQP

let uri = CommandLine.arguments.dropFirst().first ?? "amqp://guest:guest@localhost"
var configuration = try AMQPConfiguration(uri: uri)
let mine = "topics-\(UInt64.random(in: .min ... .max))"
configuration.topology = AMQPTopology(
  exchanges: [.init("topic_logs", type: "topic")],
  queues: [.init(mine, durable: false, exclusive: true)],
  bindings: ["kern.*", "*.critical"].map { .init(from: "topic_logs", to: .queue(mine), routingKey: $0) })

try await AMQPConnection.withConnection(configuration) { connection in
  try await connection.withChannel { channel in
    for key in ["kern.info", "cron.info", "cron.critical"] {
      do {
        try await channel.publish(AMQPMessage(exchange: "topic_logs", routingKey: key, body: "a line for \(key)"))
      } catch let error as AMQPError where error.code == .unroutable {
        print(" [ ] no queue takes \(key)")
      }
    }
  }
  try await connection.consume(mine) { deliveries in
    for try await delivery in deliveries {
      print(" [x] \(delivery.routingKey): \(delivery.text)")
      delivery.ack()
      if delivery.routingKey == "cron.critical" { break }
    }
  }
}
