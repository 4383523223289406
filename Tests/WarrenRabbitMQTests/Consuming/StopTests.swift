import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

/// A stop in good order costs nothing, however many deliveries were out.
@Suite("N1: stops in good order", .enabled(if: RealBroker.isThere, RealBroker.note)) struct StopTests {
  @Test("They count against nothing that was out") func countsNothing() async throws {
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      try await Foreign.fill(queue.rawValue, 200)
      for _ in 0..<8 { try await hold(200, of: queue, broker) }
    }
    let all = try await Foreign.empty(queue.rawValue)
    #expect(all.count == 200)
    #expect(all.filter { ($0.headers["x-delivery-count"]?.integer ?? 0) > 0 }.count == 0)
  }

  @Test("They lose nothing of an adopted queue that has no delivery limit and no dead-letter exchange")
  func losesNothing() async throws {
    let name = Foreign.name(), queue = QueueName(name)
    try await Foreign.withChannel { channel in
      try await channel.declareQueue(name, arguments: ["x-queue-type": "quorum"])
      try await channel.declareQueue(name + ".dlq", arguments: ["x-queue-type": "quorum"])
    }
    try await Foreign.fill(name, 100)
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue).adopted()]))
      for _ in 0..<25 { try await hold(100, of: queue, broker) }
    }
    #expect(try await Foreign.empty(name).count == 100)
  }

  @Test("The end of a look at dead letters counts against none of them") func looksCountNothing() async throws {
    let name = Foreign.name(), letters = QueueName(name + ".dlq")
    let isFree = try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      try await Foreign.fill(letters.rawValue, 200)
      for _ in 0..<8 {
        let page = try await broker.deadLetters(.init(queue: letters, limit: 1000))
        #expect(page.letters.count == 200)
      }
      return ["4.0", "3.10"].contains(try await RealBroker.version()) == false
    }
    let all = try await Foreign.empty(letters.rawValue)
    let ids = all.map { $0.properties.messageID ?? "" }
    #expect(ids == (0..<200).map { "\($0)" })
    // Below 4.3 each look counts, which is why the limit of dead letters is a million.
    if isFree { #expect(all.filter { ($0.headers["x-delivery-count"]?.integer ?? 0) > 0 }.count == 0) }
  }

  /// Takes so many deliveries, settles none of them, and stops.
  private func hold(_ count: Int, of queue: QueueName, _ broker: RabbitMQBroker) async throws {
    try await broker.consume(queue, prefetch: count) { consumer in
      for _ in 0..<count { _ = try await consumer.mustNext() }
    }
  }
}
