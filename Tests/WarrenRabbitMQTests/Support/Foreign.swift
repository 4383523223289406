import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

/// The broker without Warren: what other programs do on it, and what it knows of a message.
enum Foreign {
  /// Runs `body` with a channel of a connection of its own.
  static func withChannel<Result: Sendable>(
    _ body: @Sendable (AMQPChannel) async throws -> Result
  ) async throws -> Result {
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { connection in
      try await connection.withChannel { try await body($0) }
    }
  }

  /// Takes all messages out of a queue.
  static func empty(_ queue: String) async throws -> [AMQPDelivery] {
    try await withChannel { channel in
      var all: [AMQPDelivery] = []
      while let delivery = try await channel.get(queue) { all.append(delivery) }
      for delivery in all { delivery.ack() }
      return all
    }
  }

  /// How many messages wait in a queue; `nil` when it is not there.
  static func depth(_ queue: String) async throws -> Int? {
    do {
      return try await withChannel { try await $0.queueInfo(queue).messageCount }
    } catch let error as AMQPError where error.replyCode == 404 { return nil }
  }

  /// Publishes so many small messages.
  static func fill(_ queue: String, _ count: Int) async throws {
    try await withChannel { channel in
      let results = await channel.publish(
        (0..<count).map {
          AMQPMessage(
            routingKey: queue, properties: AMQPProperties(deliveryMode: .persistent, messageID: "\($0)", type: "x"),
            body: "x")
        })
      #expect(results.allSatisfy { $0.isConfirmed })
    }
  }

  /// A name that no other test has.
  static func name() -> String { "t\(UInt32.random(in: 0...UInt32.max)).q" }
}

extension RabbitMQBroker {
  /// The broker of the tests.
  static func real() throws -> RabbitMQBroker { try RabbitMQBroker(urls: try #require(RealBroker.urls)) }
}
