import NIOCore
import Testing

@testable import AMQP

@Suite("Real broker", .enabled(if: RealBroker.isThere, RealBroker.skipped))
struct RoundTripTests {
  @Test("A message comes back with every property and every type of field")
  func roundTrip() async throws {
    try await within {
      let configuration = try RealBroker.configuration()
      try await AMQPConnection.withConnection(configuration) { connection in
        let channel = try await connection.openChannel()
        let queue = try await channel.declareQueue(RealBroker.name("round"), durable: false, exclusive: true).name
        var properties = AMQPProperties(
          contentType: "a/b", contentEncoding: "gzip", headers: Samples.table, deliveryMode: .persistent, priority: 3,
          correlationID: "c", replyTo: "r", expiration: "60000", messageID: "m", timestamp: 1_700_000_000, type: "t",
          userID: "guest", appID: "app")
        properties.clusterID = "cl"
        let sizes = [0, 1, 100, 131_064, 131_065, 1_000_000]
        for size in sizes {
          let body = ByteBuffer(repeating: 7, count: size)
          // Not mandatory: such a message carries the number of its publish, too.
          let message = AMQPMessage(routingKey: queue, mandatory: false, properties: properties, body: body)
          try await channel.publish(message)
        }
        let deliveries = try await channel.consume(queue, prefetch: 3)
        var index = 0
        for try await delivery in deliveries {
          #expect(delivery.properties.sorted == properties.sorted)
          #expect(delivery.body.readableBytes == sizes[index])
          #expect(delivery.routingKey == queue)
          #expect(!delivery.redelivered)
          #expect(delivery.ack() == .accepted)
          #expect(delivery.ack() == .alreadySettled)
          index += 1
          if index == sizes.count { break }
        }
        await deliveries.cancel()
        #expect(try await channel.queueInfo(queue).messageCount == 0)
      }
    }
  }

  @Test(
    "256 tasks on one channel each get their own confirm, on the connection's event loop and off it",
    arguments: [true, false])
  func manyTasks(onLoop: Bool) async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let queue = try await channel.declareQueue(RealBroker.name("many"), durable: false, exclusive: true).name
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<256 {
            group.addTask(executorPreference: onLoop ? connection.executor : nil) {
              for _ in 0..<20 { try await channel.publish(AMQPMessage(routingKey: queue, body: "x")) }
            }
          }
          try await group.waitForAll()
        }
        #expect(try await channel.queueInfo(queue).messageCount == 5120)
      }
    }
  }

  @Test("Results of a batch are each message's own")
  func batch() async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let queue = try await channel.declareQueue(RealBroker.name("batch"), durable: false, exclusive: true).name
        var messages: [AMQPMessage] = []
        for index in 0..<100 {
          var message = AMQPMessage(routingKey: index % 10 == 3 ? "nowhere" : queue, body: "x")
          if index % 2 == 0 { message.properties.messageID = "id-\(index)" }
          if index == 50 { message.routingKey = String(repeating: "k", count: 300) }
          messages.append(message)
        }
        let results = await channel.publish(messages)
        #expect(results.count == 100)
        for (index, result) in results.enumerated() {
          switch result {
          case .confirmed: #expect(index % 10 != 3 && index != 50)
          case .unroutable(let code, let text):
            #expect(index % 10 == 3)
            #expect(code == 312)
            #expect(text == "NO_ROUTE")
          case .notSent(let error):
            #expect(index == 50)
            #expect(error.code == .invalidArgument)
          default: Issue.record("message \(index): \(result)")
          }
        }
        #expect(try await channel.queueInfo(queue).messageCount == 89)
      }
    }
  }

  @Test("Publishing to a missing exchange fails with 404, and the channel works on")
  func missingExchange() async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let error = await amqpError {
          try await channel.publish(AMQPMessage(exchange: "amqp-test-missing", routingKey: "k", body: "x"))
        }
        #expect(error?.code == .channelClosedByServer)
        #expect(error?.replyCode == 404)
        let queue = try await channel.declareQueue("", exclusive: true).name
        try await channel.publish(AMQPMessage(routingKey: queue, body: "x"))
        let many = await channel.publish(
          (0..<50).map { AMQPMessage(exchange: $0 == 20 ? "amqp-test-missing" : "", routingKey: queue, body: "x") })
        #expect(many.count == 50)
        #expect(!many[20].isConfirmed)
      }
    }
  }

  @Test("Declarations fail with the broker's code and words")
  func declarationErrors() async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let name = RealBroker.name("declare")
        let missing = await amqpError { _ = try await connection.withChannel { try await $0.queueInfo(name) } }
        #expect(missing?.replyCode == 404)
        #expect(missing?.replyText?.contains(name) == true)
        try await connection.withChannel { channel in
          _ = try await channel.declareQueue(name, arguments: ["x-queue-type": "quorum"])
        }
        let differs = await amqpError {
          try await connection.withChannel { channel in _ = try await channel.declareQueue(name) }
        }
        #expect(differs?.replyCode == 406)
        try await connection.withChannel { channel in
          #expect(try await channel.queueInfo(name).consumerCount == 0)
          try await channel.declareExchange(name + "-x", type: "topic")
          try await channel.declareExchange(name + "-y", type: "fanout")
          try await channel.bindExchange(name + "-y", to: name + "-x", routingKey: "a.#")
          try await channel.bindQueue(name, to: name + "-y")
          try await channel.publish(AMQPMessage(exchange: name + "-x", routingKey: "a.b", body: "x"))
          let fetched = try await channel.get(name)
          #expect(fetched?.exchange == name + "-x")
          #expect(fetched?.messageCount == 0)
          fetched?.ack()
          #expect(try await channel.get(name) == nil)
          try await channel.unbindQueue(name, from: name + "-y")
          try await channel.unbindExchange(name + "-y", from: name + "-x", routingKey: "a.#")
          try await channel.purgeQueue(name)
          try await channel.deleteQueue(name)
          try await channel.deleteExchange(name + "-x")
          try await channel.deleteExchange(name + "-y")
        }
        let version = await connection.serverProperties["version"]?.string
        #expect(version?.isEmpty == false)
      }
    }
  }

  @Test("Deleting the queue ends its consumer with the reason")
  func serverCancel() async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let queue = try await channel.declareQueue(RealBroker.name("cancel")).name
        let deliveries = try await channel.consume(queue)
        _ = try await connection.withChannel { try await $0.deleteQueue(queue) }
        let error = await amqpError { for try await _ in deliveries {} }
        #expect(error?.code == .consumerCancelled)
      }
    }
  }

  @Test("A wrong password and a missing virtual host fail at once")
  func refusals() async throws {
    try await within {
      var configuration = try RealBroker.configuration()
      configuration.credentials = .plain(user: "guest", password: "wrong-secret")
      let first = await amqpError { try await AMQPConnection.withConnection(configuration) { _ in } }
      #expect(first?.code == .authenticationFailed)
      #expect(first.map { "\($0)".contains("wrong-secret") } == false)
      configuration = try RealBroker.configuration()
      configuration.virtualHost = "amqp-test-missing"
      let second = await amqpError { try await AMQPConnection.withConnection(configuration) { _ in } }
      #expect(second?.code == .virtualHostRefused)
    }
  }
}
