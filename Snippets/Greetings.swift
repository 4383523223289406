// The first example of the library AMQP.
import AMQP

try await AMQPConnection.withConnection(try AMQPConfiguration(uri: "amqp://localhost")) { connection in
  try await connection.withChannel { channel in
    try await channel.declareQueue("greetings")
    try await channel.publish(AMQPMessage(routingKey: "greetings", body: "hello"))
  }
  try await connection.consume("greetings") { deliveries in
    for try await delivery in deliveries {
      print(delivery.text)
      delivery.ack()
    }
  }
}
