import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// What users may do who may not do everything: the roles of docs/permissions.md.
@Suite("Rights", .enabled(if: RealBroker.isThere, RealBroker.note)) struct RightsTests {
  private let prefix = "r\(UInt32.random(in: 0...UInt32.max))"
  private var shop: ExchangeName { ExchangeName("\(prefix)shop") }
  private var mail: Queue { Queue(QueueName("\(prefix)mail")) }
  private func topology() throws -> Topology {
    try Topology(exchanges: [.topic(shop)], queues: [mail], bindings: [Binding(mail.name, to: shop, key: "#")])
  }

  /// A line of the page, with the names of this test.
  private func user(_ role: String) async throws -> User {
    let page = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
        path: "../../../docs/permissions.md"), encoding: .utf8)
    let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("| **\(role)**") })
    let cells = line.replacing("\\|", with: "\u{1}").split(separator: "|").dropFirst().map { cell in
      cell.trimmingCharacters(in: CharacterSet(charactersIn: " `")).replacing("\u{1}", with: "|")
        .replacing("shop", with: shop.rawValue).replacing("mail", with: mail.name.rawValue)
    }
    try #require(cells.count == 3)
    return try await User(configure: cells[0], write: cells[1], read: cells[2])
  }

  private func asOwner() async throws {
    let topology = try topology()
    try await RabbitMQBroker.real().withBroker { try await $0.apply(topology) }
  }

  private func message(_ text: String) -> Message {
    Message(id: .unique(), name: "test.thing", body: Data(text.utf8))
  }

  @Test("Who only publishes needs to configure nothing") func publisher() async throws {
    try await asOwner()
    let user = try await user("publishes")
    let topology = try topology()
    try await RabbitMQBroker(url: user.url).withBroker { broker in
      try await broker.apply(topology)
      let results = try await broker.publish([
        Publication(message("e"), to: .exchange(shop, "a.b")), Publication(message("j"), to: .queue(mail.name)),
        Publication(message("d"), to: .queue(mail.name), notBefore: Date().addingTimeInterval(5)),
      ])
      #expect(results[0].isStored && results[1].isStored)
      guard let error = results[2].error else { return #expect(Bool(false), "\(results[2])") }
      #expect(error.code == .invalid && error.message.contains("docs/permissions.md"), "\(error)")
    }
    try await user.delete()
  }

  @Test("Who publishes with a delay needs what delays go through") func delayingPublisher() async throws {
    try await asOwner()
    let user = try await user("publishes with a delay")
    try await RabbitMQBroker(url: user.url).withBroker { broker in
      let results = try await broker.publish([
        Publication(message("d"), to: .queue(mail.name), notBefore: Date().addingTimeInterval(0.2))
      ])
      #expect(results[0].isStored, "\(results)")
    }
    _ = try await until {
      try await Foreign.depth(mail.name.rawValue)
    } holds: {
      $0 == 1
    }
    try await user.delete()
  }

  @Test("A worker retries, parks and isolates with no right on anything but Warren's own and its queue")
  func worker() async throws {
    try await asOwner()
    let user = try await user("works")
    let log = CapturedLog()
    try await RabbitMQBroker(url: user.url, logger: log.logger).withBroker { broker in
      try await broker.apply(try topology())
      try await Foreign.fill(mail.name.rawValue, 2)
      try await broker.consume(mail.name, prefetch: 1) { consumer in
        let first = try await consumer.mustNext()
        let retry = Settlement.retry(at: Date().addingTimeInterval(0.2), History(attempts: 1))
        #expect(try await broker.settle(first, as: retry) == .settled)
        let second = try await consumer.mustNext()
        #expect(try await broker.settle(second, as: .isolate) == .settled)
        var suspects = 0
        for _ in 0..<2 {
          let delivery = try await consumer.mustNext()
          suspects += delivery.isSuspect ? 1 : 0
          let parked = try await broker.settle(delivery, as: .deadLetter(.init(.rejected, "r"), delivery.history))
          #expect(parked == .settled)
        }
        #expect(suspects == 1)
      }
    }
    #expect(try await Foreign.depth(mail.name.rawValue + ".dlq") == 2)
    #expect(log.warnings.isEmpty, "\(log.warnings)")
    try await user.delete()
  }

  @Test("A worker that may not declare what its retries go through does not begin, and doctor says why")
  func refused() async throws {
    try await asOwner()
    let user = try await User(configure: "^warren\\.(suspect|control).*$")
    try await RabbitMQBroker(url: user.url).withBroker { broker in
      let error = await #expect(throws: BrokerError.self) { try await broker.consume(mail.name, prefetch: 1) { _ in } }
      #expect(error?.code == .invalid && error?.message.contains("docs/permissions.md") == true, "\(error as Any)")
      let findings = try await broker.diagnose().filter { $0.text.contains("may not declare") }
      #expect(findings.count == 3, "\(findings)")
      #expect(findings.contains { $0.text.contains("warren.delay.") } && findings.allSatisfy { $0.fix != nil })
    }
    try await user.delete()
  }

  @Test("An operator looks at dead letters, replays, deletes and pauses") func operates() async throws {
    try await asOwner()
    try await Foreign.fill(mail.name.rawValue, 2)
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.consume(mail.name, prefetch: 2) { consumer in
        for _ in 0..<2 {
          let delivery = try await consumer.mustNext()
          _ = try await broker.settle(delivery, as: .deadLetter(.init(.rejected, "r"), delivery.history))
        }
      }
    }
    let user = try await user("operates")
    try await RabbitMQBroker(url: user.url).withBroker { broker in
      let holder = QueueName(mail.name.rawValue + ".dlq")
      #expect(try await broker.deadLetters(.init(queue: holder)).letters.count == 2)
      #expect(try await broker.replay(.init(queue: holder, limit: 1)).replayed == 1)
      #expect(try await broker.deleteDeadLetters(.init(queue: holder)) == 1)
      try await broker.pause(mail.name)
      #expect(try await broker.queue(mail.name)?.isPaused == true)
      try await broker.resume(mail.name)
      #expect(try await broker.cancel("none", in: mail.name) == 0)
    }
    try await user.delete()
  }
}
