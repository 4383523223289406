import AMQP
import BrokerConformance
import Foundation
import NIOCore
import Testing
import Warren
import WarrenOperations

@testable import WarrenRabbitMQ

/// Dead letters that other programs wrote.
@Suite("Foreign dead letters", .enabled(if: RealBroker.isThere, RealBroker.note)) struct ForeignLetterTests {
  private func withLetters(
    _ messages: [(AMQPProperties, String)],
    _ body: @Sendable (RabbitMQBroker, Operations, _ work: String, _ dead: QueueName) async throws -> Void
  ) async throws {
    let name = Foreign.name(), dead = QueueName(name + ".dlq")
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      try await Foreign.withChannel { channel in
        let results = await channel.publish(
          messages.map { AMQPMessage(routingKey: dead.rawValue, properties: $0.0, body: ByteBuffer(string: $0.1)) })
        #expect(results.allSatisfy { $0.isConfirmed })
      }
      // The policy of another test, under which a look is refused, is known for some seconds after it is dropped.
      _ = try await until {
        try? await broker.deadLetters(.init(queue: dead))
      } holds: {
        $0 != nil
      }
      try await body(broker, Operations(broker), name, dead)
    }
  }

  /// As Celery writes a task.
  private static func task(_ headers: AMQPTable = [:], id: String? = nil) -> AMQPProperties {
    AMQPProperties(
      contentType: "application/json", contentEncoding: "utf-8", headers: headers, deliveryMode: .persistent,
      replyTo: "answers", messageID: id)
  }

  @Test("a text that names its charset is shown, masked and edited") func charset() async throws {
    let secret = #"{"password":"hunter2","to":"ann"}"#
    try await withLetters([(Self.task(id: "1"), secret)]) { broker, operations, work, dead in
      let view = try #require(try await operations.deadLetters("1", in: dead).first)
      #expect(view.body?.format == .json && view.body?.isMasked == true)
      #expect(view.body?.text.contains("hunter2") == false && view.body?.text.contains("ann") == true)
      var draft = try await operations.draft("1", in: dead)
      try draft.setText(#"{"to":"bob"}"#)
      _ = try await operations.publish(draft)
      let copy = try #require(try await Foreign.empty(work).first)
      #expect(copy.text == #"{"to":"bob"}"# && copy.properties.contentEncoding == "utf-8")
    }
  }

  @Test("a header that is edited keeps the types of all") func types() async throws {
    let headers: AMQPTable = [
      "retries": .int32(0), "eta": .null, "timelimit": .array([.null, .null]), "ignore_result": .bool(false), "s": "a",
    ]
    try await withLetters([(Self.task(headers, id: "1"), "[]")]) { broker, operations, work, dead in
      var draft = try await operations.draft("1", in: dead)
      draft.headers["retries"] = "3"
      draft.headers["ignore_result"] = "perhaps"
      _ = try await operations.publish(draft)
      let copy = try #require(try await Foreign.empty(work).first)
      #expect(copy.headers["retries"] == .int32(3) && copy.headers["eta"] == .null)
      #expect(copy.headers["timelimit"] == .array([.null, .null]) && copy.headers["s"] == "a")
      // What is none of that type any more is text.
      #expect(copy.headers["ignore_result"] == "perhaps")
      let properties = copy.properties
      #expect(properties.replyTo == "answers" && properties.priority == nil && properties.correlationID == nil)
      #expect(properties.timestamp == nil && properties.type == nil)
    }
  }

  @Test("messages without an id, and with the same, are dealt with one by one") func addresses() async throws {
    let messages = [
      (Self.task(), "[1]"), (Self.task(), "[2]"), (Self.task(), "[2]"), (Self.task(id: "x"), "[3]"),
      (Self.task(id: "x"), "[4]"),
    ]
    try await withLetters(messages) { broker, operations, work, dead in
      func addresses() async throws -> [MessageID] {
        try await operations.deadLetters(DeadLetterSelection(queue: dead)).letters.compactMap(\.address)
      }
      let all = try await addresses()
      #expect(Set(all).count == 5 && all[2].rawValue == "\(all[1]).2")
      // A look changes none of them.
      #expect(try await addresses() == all)
      for (address, text) in zip(all, ["[1]", "[2]", "[2]", "[3]", "[4]"]) {
        let shown = try await operations.deadLetters(address, in: dead)
        #expect(shown.count == 1 && shown.first?.body?.text == text)
      }
      let error = await #expect(throws: BrokerError.self) { try await operations.draft("x", in: dead) }
      #expect(error?.message.contains(all[3].rawValue) == true && error?.message.contains(all[4].rawValue) == true)
      // The topology tells whose dead letters they are.
      let draft = try await operations.draft(all[4], in: dead)
      #expect(String(decoding: draft.body, as: UTF8.self) == "[4]")
      #expect(try await operations.delete(operations.survey(DeadLetterSelection(queue: dead, ids: [all[2]]))).done == 1)
      #expect(try await operations.replay(operations.survey(DeadLetterSelection(queue: dead, ids: [all[4]]))).done == 1)
      #expect(try await addresses() == [all[0], all[1], all[3]])
      let moved = try await Foreign.empty(work)
      #expect(moved.map(\.text) == ["[4]"])
    }
  }

  @Test("what has no name is called by its envelope or its key, and groups do not mix names") func names() async throws
  {
    func properties(_ key: String) -> AMQPProperties {
      Self.task(["warren-exchange": "shop", "warren-routing-key": .string(key)])
    }
    let messages = [
      (properties("order.created"), #"{"type":"book"}"#), (properties("order.changed"), #"{"type":"book"}"#),
      (properties("any"), #"{"type":"order.paid","data":{}}"#),
    ]
    try await withLetters(messages) { broker, operations, work, dead in
      let groups = try await operations.groups(DeadLetterSelection(queue: dead, limit: .max)).groups
      #expect(Set(groups.map(\.name)) == ["order.created", "order.changed", "order.paid"])
      let letters = try await operations.deadLetters(DeadLetterSelection(queue: dead, name: "order.changed")).letters
      #expect(letters.count == 1)
    }
  }

  @Test("a death that another program published is not where a message came from") func death() async throws {
    let name = Foreign.name()
    let death: AMQPTable = [
      "x-death": .array([
        .table([
          "queue": "q", "exchange": "e", "routing-keys": .array(["k"]), "reason": "expired", "count": .int64(1),
          "time": .timestamp(1),
        ])
      ])
    ]
    try await RabbitMQBroker.real().withBroker { broker in
      let queue = Queue(QueueName(name)), exchange = Exchange(ExchangeName(name), .topic)
      try await broker.apply(
        Topology(exchanges: [exchange], queues: [queue], bindings: [Binding(queue.name, to: exchange.name)]))
      try await Foreign.withChannel {
        try await $0.publish(
          AMQPMessage(exchange: name, routingKey: "order.created", properties: Self.task(death), body: "{}"))
      }
      try await broker.consume(queue.name, prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(delivery.exchange == exchange.name && delivery.routingKey == "order.created")
        _ = try await broker.settle(delivery, as: .complete)
      }
    }
  }

  @Test("a stream is no queue to purge, and holds no dead letters") func stream() async throws {
    let name = Foreign.name(), work = Foreign.name()
    try await Foreign.withChannel { channel in
      try await channel.declareQueue(name, arguments: ["x-queue-type": "stream"])
      try await channel.declareQueue(
        work, arguments: ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(name)])
      try await RabbitMQBroker.real().withBroker { broker in
        let status = try await until {
          try await broker.queue(QueueName(name))
        } holds: {
          $0 != nil
        }
        #expect(status?.holdsDeadLetters == false && status?.mayHoldDeadLetters == false)
        let purge = await #expect(throws: BrokerError.self) { try await broker.purge(QueueName(name)) }
        #expect(purge?.code == .unsupported && purge?.message.contains("stream") == true)
        let look = await #expect(throws: BrokerError.self) {
          try await broker.deadLetters(.init(queue: QueueName(name)))
        }
        #expect(look?.code == .unsupported && look?.message.contains("stream") == true)
      }
      for name in [name, work] { try await channel.deleteQueue(name) }
    }
  }

  @Test("a stream that is purged where the management API does not tell costs no worker its connection")
  func streamWithoutManagement() async throws {
    let name = Foreign.name()
    try await Foreign.withChannel { channel in
      try await channel.declareQueue(name, arguments: ["x-queue-type": "stream"])
      let work = Queue(QueueName(Foreign.name()))
      let broker = try RabbitMQBroker(url: try #require(RealBroker.urlWithoutManagement))
      try await broker.withBroker { broker in
        try await broker.apply(Topology(queues: [work]))
        _ = try await broker.publish([
          Publication(Message(id: .unique(), name: "x", body: Data()), to: .queue(work.name))
        ])
        try await broker.consume(work.name, prefetch: 1) { consumer in
          let delivery = try await consumer.mustNext()
          let purge = await #expect(throws: BrokerError.self) { try await broker.purge(QueueName(name)) }
          #expect(purge?.code == .unsupported && purge?.message.contains("stream") == true)
          // Refused if its connection had been lost.
          _ = try await broker.settle(delivery, as: .complete)
        }
        _ = try await broker.deleteQueue(work.name, withMessages: true)
      }
      try await channel.deleteQueue(name)
    }
  }
}
