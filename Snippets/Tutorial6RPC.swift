// RabbitMQ tutorial 6: ask a server over queues and wait for its answer.
import AMQP

func fibonacci(_ number: Int) -> Int { number < 2 ? number : fibonacci(number - 1) + fibonacci(number - 2) }

let uri = CommandLine.arguments.dropFirst().first ?? "amqp://guest:guest@localhost"
var configuration = try AMQPConfiguration(uri: uri)
let replies = "replies-\(UInt64.random(in: .min ... .max))"
configuration.topology = AMQPTopology(
  queues: [.init("rpc_queue", durable: false), .init(replies, durable: false, exclusive: true)])

try await AMQPConnection.withConnection(configuration) { connection in
  async let server: Void = connection.consume("rpc_queue", prefetch: 1) { requests in
    for try await request in requests {
      let answer = AMQPMessage(
        routingKey: request.properties.replyTo ?? "",
        properties: AMQPProperties(correlationID: request.properties.correlationID),
        body: "\(fibonacci(Int(request.text) ?? 0))")
      try await connection.withChannel { try await $0.publish(answer) }
      request.ack()
      break
    }
  }

  try await connection.consume(replies) { answers in
    let id = "\(UInt64.random(in: .min ... .max))"
    try await connection.withChannel { channel in
      try await channel.publish(
        AMQPMessage(
          routingKey: "rpc_queue", properties: AMQPProperties(correlationID: id, replyTo: replies), body: "30"))
    }
    for try await answer in answers where answer.properties.correlationID == id {
      print(" [.] Got \(answer.text)")
      answer.ack()
      break
    }
  }
  try await server
}
