import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// A look at dead letters loses none of them and takes no more than it needs.
/// One after the other, as a look without a name meets the queues of the other tests.
@Suite("A2, A3, A18: looks at dead letters", .serialized, .enabled(if: RealBroker.isThere, RealBroker.note))
struct LookTests {
  @Test("A2: where a queue grants few deliveries a look is refused, and nothing is lost", arguments: [false, true])
  func refused(_ byPolicy: Bool) async throws {
    let name = Foreign.name(), letters = QueueName(name + ".dlq")
    let isOldest = try await RealBroker.version() == "3.10"
    try await RabbitMQBroker.real().withBroker { broker in
      if byPolicy {
        try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
        try await RealBroker.policy("looks-\(name)", on: "^\(name).*", ["delivery-limit": 20])
      } else {
        try await Foreign.withChannel { channel in
          _ = try await channel.declareQueue(letters.rawValue, arguments: ["x-queue-type": "quorum"])
        }
      }
      try await Foreign.fill(letters.rawValue, 100)
      // The management API shows a policy some seconds after it is set.
      if byPolicy {
        _ = try await until {
          try await broker.parts().reader.deliveryLimit(of: letters)
        } holds: {
          $0 == 20
        }
      }
      for _ in 0..<25 {
        do {
          let page = try await broker.deadLetters(.init(queue: letters, limit: 3))
          // An adopted queue of 3.10 has no limit.
          #expect(isOldest && !byPolicy && page.letters.count == 3)
        } catch let error as BrokerError {
          // Or it cannot be told, while the management API is too busy to answer.
          let tells = error.message.contains("delivery-limit") || error.message.contains("management API")
          #expect(error.code == .unsupported && tells, "\(error)")
        }
      }
    }
    if byPolicy { try await RealBroker.dropPolicy("looks-\(name)") }
    #expect(try await Foreign.empty(letters.rawValue).count == 100)
  }

  @Test("A2: 25 looks that are broken off and 25 that are not lose nothing") func brokenOff() async throws {
    let name = Foreign.name(), letters = QueueName(name + ".dlq")
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      try await Foreign.fill(letters.rawValue, 300)
      for round in 0..<25 {
        let look = Task { try await broker.deadLetters(.init(queue: letters, limit: .max)) }
        try await Task.sleep(for: .milliseconds(3 * round))
        look.cancel()
        _ = await look.result
        // What was broken off is given back behind it.
        _ = try await until {
          try await broker.deadLetters(.init(queue: letters, limit: .max)).letters.count
        } holds: {
          $0 == 300
        }
      }
    }
    let depth = try await until {
      try await Foreign.depth(letters.rawValue)
    } holds: {
      $0 == 300
    }
    #expect(depth == 300)
  }

  @Test("A3: a look takes what it needs and little more") func takesLittle() async throws {
    let name = Foreign.name(), letters = QueueName(name + ".dlq")
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      try await Foreign.fill(letters.rawValue, 2000)
      let page = try await broker.deadLetters(.init(queue: letters, limit: 3))
      #expect(page.letters.compactMap { $0.message.id?.rawValue } == ["0", "1", "2"] && page.next?.position == 3)
      let second = try await broker.deadLetters(.init(queue: letters, limit: 3, after: page.next))
      #expect(second.letters.compactMap { $0.message.id?.rawValue } == ["3", "4", "5"])
      let all = try await broker.deadLetters(.init(queue: letters, limit: .max))
      #expect(all.letters.count == 2000 && all.next == nil)
      let report = try await broker.deleteDeadLetters(.init(queue: letters, ids: ["7"], limit: 10))
      #expect(report == 1)
    }
    let left = try await Foreign.empty(letters.rawValue)
    #expect(left.count == 1999)
  }

  @Test("A3: a page ends early when its bodies are large") func largeBodies() async throws {
    let name = Foreign.name(), letters = QueueName(name + ".dlq")
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      try await Foreign.withChannel { channel in
        for _ in 0..<4 {
          try await channel.publish(
            AMQPMessage(routingKey: letters.rawValue, body: String(repeating: "x", count: 3 << 20)))
        }
      }
      let page = try await broker.deadLetters(.init(queue: letters, limit: 100))
      #expect(page.letters.count == 2 && page.next?.position == 2)
      let rest = try await broker.deadLetters(.init(queue: letters, limit: 100, after: page.next))
      #expect(rest.letters.count == 2 && rest.next == nil)
    }
  }

  @Test("A18: a letter that does not tell which queue gave up on it stays") func unknownOrigin() async throws {
    let name = Foreign.name() + ".letters"
    try await Foreign.withChannel { _ = try await $0.declareQueue(name) }
    try await Foreign.fill(name, 3)
    try await RabbitMQBroker.real().withBroker { broker in
      let report = try await broker.replay(.init(queue: QueueName(name)))
      #expect(report.replayed == 0 && report.stayed == 3)
    }
    #expect(try await Foreign.depth(name) == 3)
  }

  @Test("A18: an edit whose copy is out while the letter may be there says so, and not that there was none")
  func unknownOutcome() {
    typealias Counts = DeadLetterWork.Counts
    func code(_ counts: Counts) -> BrokerError.Code? { counts.obstacle(replacing: "a", in: nil, by: "b")?.code }
    #expect(code(Counts(taken: 1, confirmed: 1, acknowledged: 1)) == nil)
    #expect(code(Counts(taken: 1, confirmed: 1)) == .unknownOutcome)
    #expect(code(Counts(taken: 1, stayed: 1)) == .unroutable)
    #expect(code(Counts()) == .notFound)
  }

  @Test("A message that was parked in two queues is listed, counted, replayed and deleted once") func twoHolders()
    async throws
  {
    let name = Foreign.name()
    let jobs = Queue(
      QueueName(name),
      deadLetter: .exchange(ExchangeName("\(name).dlx"), key: "dead", queue: QueueName("\(name).one")))
    let two = QueueName("\(name).two")
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(
        Topology(
          queues: [jobs, .deadLetters(two)],
          bindings: [Binding(two, to: ExchangeName("\(name).dlx"), key: "dead")]))
      @Sendable func park() async throws {
        try await broker.consume(jobs.name, prefetch: 2) { consumer in
          for _ in 0..<2 {
            let delivery = try await consumer.mustNext()
            _ = try await broker.settle(delivery, as: .deadLetter(.init(.rejected, "twice"), delivery.history))
          }
        }
      }
      try await Foreign.fill(name, 2)
      try await park()
      #expect(try await Foreign.depth(two.rawValue) == 2)
      // A process that has applied no topology finds both queues by the management API.
      try await RabbitMQBroker.real().withBroker { other in
        let all = DeadLetterSelection(origin: jobs.name)
        let letters = try await until {
          try await other.deadLetters(all).letters
        } holds: {
          $0.count == 2
        }
        #expect(Set(letters.map(\.queue)).count == 1)
        // As a command does that goes on where it stopped.
        #expect(try await other.replay(.init(origin: jobs.name, limit: 1)).replayed == 1)
        #expect(try await other.replay(.init(origin: jobs.name, limit: 1)).replayed == 1)
        #expect(try await other.replay(.init(origin: jobs.name, limit: 1)).replayed == 0)
        #expect(try await Foreign.depth(name) == 2)
        try await park()
        #expect(try await other.deleteDeadLetters(all) == 2)
        #expect(try await Foreign.depth(two.rawValue) == 0)
      }
    }
  }

  @Test("A18: an edit changes what was edited and nothing else") func edit() async throws {
    let name = Foreign.name(), letters = QueueName(name + ".dlq")
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      let headers: AMQPTable = [
        "n": .int64(7), "t": .table(["a": .bool(true)]), "l": .array([.int64(1), .null]), "gone": "x", "s": "text",
      ]
      try await Foreign.withChannel { channel in
        try await channel.publish(
          AMQPMessage(
            routingKey: letters.rawValue,
            properties: AMQPProperties(
              contentType: "text/x", headers: headers, deliveryMode: .persistent, priority: 3, correlationID: "c",
              replyTo: "answers", messageID: "1", timestamp: 1_700_000_000, type: "x"), body: "old"))
      }
      let letter = try #require(try await broker.deadLetters(.init(queue: letters)).letters.first)
      var edited = letter.message
      edited.id = "2"
      edited.body = Data("new".utf8)
      edited.headers["s"] = "other"
      edited.headers["gone"] = nil
      try await broker.replace("1", in: letters, with: edited)
      let copy = try #require(try await Foreign.empty(name).first)
      let properties = copy.properties
      #expect(copy.text == "new" && properties.messageID == "2" && properties.replyTo == "answers")
      #expect(properties.correlationID == "c" && properties.priority == 3 && properties.contentType == "text/x")
      #expect(properties.timestamp == 1_700_000_000 && properties.type == "x")
      #expect(copy.headers["n"] == .int64(7) && copy.headers["t"] == .table(["a": .bool(true)]))
      #expect(copy.headers["l"] == .array([.int64(1), .null]) && copy.headers["s"]?.string == "other")
      #expect(copy.headers["gone"] == nil)
    }
  }

  @Test("Without a name no queue is looked at that is not ours") func onlyOurs() async throws {
    let name = Foreign.name() + ".dlq"
    try await Foreign.withChannel { _ = try await $0.declareQueue(name) }
    try await Foreign.fill(name, 1)
    try await RabbitMQBroker.real().withBroker { broker in
      let queue = QueueName(Foreign.name())
      try await broker.apply(Topology(queues: [Queue(queue)]))
      // The policy of another test, under which a look is refused, is known for some seconds after it is dropped.
      _ = try await until {
        try? await broker.deadLetters(.init(limit: 10))
      } holds: {
        $0 != nil
      }
    }
    #expect(try await Foreign.empty(name).map { $0.redelivered } == [false])
  }
}
