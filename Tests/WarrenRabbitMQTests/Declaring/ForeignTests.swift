import AMQP
import BrokerConformance
import Foundation
import NIOCore
import Testing
import Warren
import WarrenRabbitMQ

/// Beside services that know nothing of Warren: their queues, their messages, their headers.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note))
struct ForeignTests {
  @Test func classicQueuesWithMessagesInFlightAreAdoptedAsTheyAre() async throws {
    let name = "t\(UInt32.random(in: 0...UInt32.max)).old", dead = "\(name).dead"
    let broker = try RabbitMQBroker(url: try #require(RealBroker.url))
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { foreign in
      try await foreign.withChannel { channel in
        try await channel.declareQueue(name, arguments: ["x-max-priority": 5])
        try await channel.declareQueue(dead)
        var properties = AMQPProperties(contentType: "application/json", replyTo: "answers")
        properties.headers = ["count": .int32(7), "flag": true, "list": ["a", 1], "CC": ["nowhere"]]
        try await channel.publish(
          AMQPMessage(routingKey: name, properties: properties, body: "{\"type\":\"order.created\",\"data\":{}}"))

        try await broker.withBroker { broker in
          let queue = Queue(QueueName(name), deadLetter: .queue(QueueName(dead))).adopted()
          try await broker.apply(Topology(queues: [queue]))
          try await broker.consume(queue.name, prefetch: 2) { consumer in
            let first = try await consumer.mustNext()
            #expect(first.message.id == nil && first.message.name == nil)
            #expect(first.message.headers == ["count": "7", "flag": "true", "list": "[a, 1]"])
            _ = try await broker.settle(
              first, as: .retry(at: Date().addingTimeInterval(0.12), History(attempts: 1)))
            let second = try await consumer.mustNext()
            #expect(second.message == first.message)
            #expect(second.history.attempts == 1)
            _ = try await broker.settle(second, as: .deadLetter(.init(.rejected, "why"), second.history))
          }
          let letters = try await broker.deadLetters(.init(origin: queue.name)).letters
          let letter = try #require(letters.first)
          #expect(letter.queue.rawValue == dead && letter.reason == .init(.rejected, "why"))
          let report = try await broker.replay(.init(queue: QueueName(dead)))
          #expect(report.replayed == 1)
        }

        // Back where a service without Warren reads it, as that service wrote it.
        let waiting = try await channel.get(name)
        let last = try #require(waiting)
        #expect(last.headers["count"] == .int32(7) && last.headers["flag"] == true)
        #expect(last.headers["list"] == ["a", 1] && last.headers["CC"] == nil)
        #expect(last.properties.replyTo == "answers" && last.properties.messageID == nil)
        #expect(String(buffer: last.body).contains("order.created"))
        last.ack()
        try await channel.deleteQueue(name)
        try await channel.deleteQueue(dead)
      }
    }
  }

  @Test func whatWarrenPublishesIsPlainAMQP() async throws {
    let name = "t\(UInt32.random(in: 0...UInt32.max)).out"
    let broker = try RabbitMQBroker(url: try #require(RealBroker.url))
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { foreign in
      try await foreign.withChannel { channel in
        try await channel.declareQueue(name)
        try await broker.withBroker { broker in
          let message = Message(
            id: "m-1", name: "booking.created", body: Data("{}".utf8), headers: ["traceparent": "00-a-b-01"],
            timestamp: Date(timeIntervalSince1970: 1_700_000_000.25), correlationID: "c", causationID: "p",
            source: "bookings", priority: 7)
          let results = try await broker.publish([Publication(message, to: .queue(QueueName(name)))])
          #expect(results[0].isStored)
        }
        let waiting = try await channel.get(name)
        let got = try #require(waiting)
        #expect(got.properties.messageID == "m-1" && got.properties.type == "booking.created")
        #expect(got.properties.contentType == "application/json" && got.properties.deliveryMode == .persistent)
        #expect(got.properties.timestamp == 1_700_000_000 && got.properties.priority == 7)
        #expect(got.properties.correlationID == "c" && got.properties.appID == "bookings")
        #expect(got.headers["traceparent"] == "00-a-b-01" && got.headers["warren-causation-id"] == "p")
        #expect(got.headers["warren-published-at"] == .int64(1_700_000_000_250))
        got.ack()
        try await channel.deleteQueue(name)
      }
    }
  }

  @Test func whatTheBrokerItselfDeadLettersHasOriginReasonAndRoute() async throws {
    let name = QueueName("t\(UInt32.random(in: 0...UInt32.max)).q")
    let exchange = ExchangeName("\(name).e")
    let broker = try RabbitMQBroker(url: try #require(RealBroker.url))
    try await broker.withBroker { broker in
      let queue = Queue(name, timeToLive: .milliseconds(100))
      try await broker.apply(
        Topology(
          exchanges: [.topic(exchange)], queues: [queue], bindings: [Binding(name, to: exchange, key: "a.*")]))
      let message = Message(id: .unique(), name: "a.b", body: Data("x".utf8))
      _ = try await broker.publish([Publication(message, to: .exchange(exchange, "a.b"))])
      let bench = Bench(broker: broker, clock: SystemClock(), url: nil) { try await Task.sleep(for: $0) }
      let letter = try await bench.deadLetters(of: queue, count: 1)[0]
      #expect(letter.message == message)
      #expect(letter.origin == name && letter.reason.kind == .expired)
      #expect(letter.exchange == exchange && letter.routingKey == "a.b")
    }
  }
}
