import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

/// Events, where queues behave in different ways.
@Suite("Events on a broker", .enabled(if: RealBroker.isThere, RealBroker.note)) struct EventTests {
  @Test("A14: an event with a time to live is parked, also from an adopted queue that would discard it")
  func timeToLive() async throws {
    let name = Foreign.name(), queue = QueueName(name), exchange = ExchangeName(name + ".x")
    try await Foreign.withChannel { channel in
      for one in [name, name + ".dlq"] { try await channel.declareQueue(one) }
      try await channel.declareExchange(exchange.rawValue, type: "fanout")
      try await channel.bindQueue(name, to: exchange.rawValue)
    }
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(
        Topology(exchanges: [Exchange(exchange, .fanout).adopted()], queues: [Queue(queue).adopted()]))
      var message = Message(id: .unique(), name: "test.thing", body: Data("x".utf8))
      message.expiresAt = Date().addingTimeInterval(0.3)
      _ = try await broker.publish([
        Publication(message, to: .exchange(exchange, "k")), Publication(message, to: .queue(queue)),
      ])
      try await Task.sleep(for: .seconds(1))
      #expect(try await Foreign.depth(name) == 2)
    }
  }

  @Test("A15: a refusal of which some queues may have stored the event is an unknown outcome") func refused()
    async throws
  {
    let name = Foreign.name(), exchange = ExchangeName(name + ".x")
    try await Foreign.withChannel { channel in
      try await channel.declareQueue(name)
      try await channel.declareQueue(name + ".full", arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
      try await channel.declareExchange(exchange.rawValue, type: "fanout")
      for one in [name, name + ".full"] { try await channel.bindQueue(one, to: exchange.rawValue) }
    }
    try await Foreign.fill(name + ".full", 1)
    try await RabbitMQBroker.real().withBroker { broker in
      let message = Message(id: .unique(), name: "test.thing", body: Data("x".utf8))
      let event = try await broker.publish([Publication(message, to: .exchange(exchange, "k"))])[0]
      guard let error = event.error else { throw ScenarioFailure("refused, not \(event)") }
      #expect(error.code == .unknownOutcome)
      #expect(try await Foreign.depth(name) == 1)
      let job = try await broker.publish([Publication(message, to: .queue(QueueName(name + ".full")))])[0]
      guard let error = job.error else { throw ScenarioFailure("refused, not \(job)") }
      #expect(error.code == .full)
    }
  }

  @Test("A queue whose limit was taken away takes jobs and dead letters again, on the same connection") func limit()
    async throws
  {
    let queue = Queue(QueueName(Foreign.name()))
    @Sendable func job() -> Publication {
      Publication(Message(id: .unique(), name: "test.thing", body: Data("x".utf8)), to: .queue(queue.name))
    }
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [queue]))
      try await RealBroker.policy("limit-\(queue.name)", on: "^\(queue.name).*", ["max-length": 1])
      _ = try await until {
        try await broker.publish([job()])[0].isStored
      } holds: {
        !$0
      }
      try await broker.consume(queue.name, prefetch: 5) { consumer in
        try await Foreign.fill(queue.name.rawValue + ".dlq", 1)
        let delivery = try await consumer.mustNext()
        let parked = Task {
          try await broker.settle(delivery, as: .deadLetter(.init(.rejected, "r"), delivery.history))
        }
        try await Task.sleep(for: .milliseconds(500))
        try await RealBroker.dropPolicy("limit-\(queue.name)")
        #expect(try await within { try await parked.value } == .settled)
      }
      _ = try await until {
        try await broker.publish([job()])[0].isStored
      } holds: {
        $0
      }
    }
  }
}
