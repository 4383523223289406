import AMQP
import BrokerConformance
import Foundation
import NIOCore
import Testing
import Warren
import WarrenRabbitMQ

/// A system that has run on RabbitMQ for years, and one of whose services becomes Warren's: nothing of what it declared
/// changes, nothing that is in its queues is lost, and what fails goes where it always went.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note))
struct AdoptionTests {
  @Test func anExistingSystemIsTakenOverAsItIs() async throws {
    let prefix = "t\(UInt32.random(in: 0...UInt32.max))."
    let orders = QueueName("\(prefix)orders"), dead = QueueName("\(prefix)orders.failed")
    let url = try #require(RealBroker.url)
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { foreign in
      try await foreign.withChannel { channel in
        // Their system: a topic exchange, a classic priority queue, a dead-letter exchange; sixty messages wait, and their own
        // consumer holds five of them.
        let shop = "\(prefix)shop", dlx = "\(prefix)dlx"
        try await channel.declareExchange(shop, type: "topic")
        try await channel.declareExchange(dlx, type: "direct")
        try await channel.declareQueue(
          orders.rawValue,
          arguments: [
            "x-max-priority": 5, "x-dead-letter-exchange": .string(dlx), "x-dead-letter-routing-key": "failed",
          ])
        try await channel.declareQueue(dead.rawValue)
        try await channel.bindQueue(orders.rawValue, to: shop, routingKey: "order.#")
        try await channel.bindQueue(dead.rawValue, to: dlx, routingKey: "failed")
        for number in 0..<60 {
          let properties = AMQPProperties(contentType: "application/json", deliveryMode: .persistent, priority: 1)
          try await channel.publish(
            AMQPMessage(
              exchange: shop, routingKey: "order.created", properties: properties,
              body: "{\"type\":\"order.created\",\"data\":{\"number\":\(number)}}"))
        }
        let before = try await definitions(prefix)
        let old = try await foreign.openChannel()
        let theirs = try await old.consume(orders.rawValue, prefetch: 5)
        var held: [AMQPDelivery] = []
        for try await delivery in theirs {
          held.append(delivery)
          if held.count == 5 { break }
        }

        let broker = try RabbitMQBroker(url: url)
        try await broker.withBroker { broker in
          let queue = Queue(
            orders, deadLetter: .exchange(ExchangeName(dlx), key: "failed", queue: dead)
          ).adopted()
          let numbers = Log<Int>()
          let attempts = Counter()
          let worker = try Worker(broker, name: "shop") {
            Subscription(queue, on: Exchange(ExchangeName(shop), .topic, isAdopted: true), to: "order.#") {
              On(OrderCreated.self) { event, context in
                if event.number == 17 {
                  #expect(context.attempt == attempts.enter())
                  throw Refused()
                }
                numbers.add(event.number)
              }
            }
            .retry(.fixed([.milliseconds(50), .milliseconds(100)]))
          }
          try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            var seen = try await numbers.next(54)
            // Their service goes away with what it holds, and Warren's worker gets that.
            await old.close()
            let rest = 59 - seen.count
            seen += try await numbers.next(rest)
            #expect(seen.sorted() == (0..<60).filter { $0 != 17 })
            // What failed three times lies where theirs go.
            let letter = try await letter(broker, dead)
            #expect(letter.origin == orders && letter.reason.kind == .exhausted && letter.history.attempts == 3)
            #expect(attempts.value == 3)
            group.cancelAll()
          }
          let changes = try await broker.differences(from: worker.topology)
          #expect(changes.isEmpty, "\(changes)")
        }

        // Their tools read the dead letter, as they always did.
        let failed = try #require(try await channel.get(dead.rawValue))
        #expect(String(buffer: failed.body) == "{\"type\":\"order.created\",\"data\":{\"number\":17}}")
        #expect(failed.properties.priority == 1 && failed.routingKey == "failed" && failed.exchange == dlx)
        failed.ack()
        #expect(try await channel.queueInfo(orders.rawValue).messageCount == 0)
        let after = try await definitions(prefix)
        #expect(after == before)
        for queue in [orders, dead] { try await channel.deleteQueue(queue.rawValue) }
        for exchange in [shop, dlx] { try await channel.deleteExchange(exchange) }
      }
    }
  }

  private func letter(_ broker: RabbitMQBroker, _ queue: QueueName) async throws -> DeadLetter {
    let end = ContinuousClock.now + patience
    while true {
      if let letter = try await broker.deadLetters(.init(queue: queue)).letters.first { return letter }
      if ContinuousClock.now > end { throw ScenarioFailure("a dead letter in \(queue)") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Everything that the broker knows of the queues, exchanges and bindings of this test, as text.
  private func definitions(_ prefix: String) async throws -> [String] {
    let all = try #require(try await RealBroker.api("definitions/%2F") as? [String: Any])
    return try ["queues", "exchanges", "bindings", "policies"].flatMap { part in
      try (all[part] as? [[String: Any]] ?? []).map { thing in
        String(decoding: try JSONSerialization.data(withJSONObject: thing, options: .sortedKeys), as: UTF8.self)
      }
    }
    // The relay of a queue is Warren's, and names the queue.
    .filter { $0.contains("\"\(prefix)") && !$0.contains("\"warren.relay.") }.sorted()
  }
}

private struct OrderCreated: EventMessage {
  static let name: MessageName = "order.created"
  var number: Int
}
private struct Refused: Error {}
