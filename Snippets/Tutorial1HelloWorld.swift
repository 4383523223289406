// RabbitMQ tutorial 1: send a message and receive it.
import AMQP

let uri = CommandLine.arguments.dropFirst().first ?? "amqp://guest:guest@localhost"
let configuration = try AMQPConfiguration(uri: uri)

try await AMQPConnection.withConnection(configuration) { connection in
  try await connection.withChannel { channel in
    try await channel.declareQueue("hello", durable: false)
    try await channel.publish(AMQPMessage(routingKey: "hello", body: "Hello World!"))
    print(" [x] Sent 'Hello World!'")
  }

  try await connection.consume("hello") { deliveries in
    for try await delivery in deliveries {
      print(" [x] Received \(delivery.text)")
      delivery.ack()
      break
    }
  }
}
