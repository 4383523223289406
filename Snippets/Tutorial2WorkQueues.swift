// RabbitMQ tutorial 2: a queue of tasks that survives restarts, and workers that take one task at a time.
import AMQP

let uri = CommandLine.arguments.dropFirst().first ?? "amqp://guest:guest@localhost"
let configuration = try AMQPConfiguration(uri: uri)

try await AMQPConnection.withConnection(configuration) { connection in
  try await connection.withChannel { channel in
    try await channel.declareQueue("task_queue", arguments: ["x-queue-type": "quorum"])
    // Messages are persistent by default, and each result is the broker's confirm.
    let tasks = ["first.", "second..", "third..."].map { AMQPMessage(routingKey: "task_queue", body: $0) }
    for result in await channel.publish(tasks) where !result.isConfirmed { print("not stored: \(result)") }
  }

  try await connection.consume("task_queue", prefetch: 1) { deliveries in
    var left = 3
    for try await delivery in deliveries {
      print(" [x] Received \(delivery.text)")
      let work = delivery.text.filter { $0 == "." }.count
      try await Task.sleep(for: .seconds(work))
      // Only now does the broker forget the task. If this process dies before, another worker gets it.
      delivery.ack()
      print(" [x] Done")
      left -= 1
      if left == 0 { break }
    }
  }
}
