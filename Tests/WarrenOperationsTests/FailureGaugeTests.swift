import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenTesting

@testable import WarrenOperations

@Suite("Groups of failures, counted") struct FailureGaugeTests {
  private func park(_ broker: TestBroker, _ id: MessageID, _ error: String) async throws {
    _ = try await broker.publish([
      Publication(Message(id: id, name: "m", body: Data(), timestamp: broker.clock.now), to: .queue("mail"))
    ])
    try await broker.consume("mail", prefetch: 1) { consumer in
      guard let delivery = await consumer.next() else { return }
      var history = History(attempts: 1)
      history.note(Failure(time: broker.clock.now, attempt: 1, error: error, message: "it", worker: "w"))
      _ = try await broker.settle(delivery, as: .deadLetter(.init(.exhausted, "\(error): it"), history))
    }
    broker.advance(by: .seconds(1))
  }

  @Test("a new group counts as new until it is marked, as returned when it comes back, and as 0 when it is gone")
  func states() async throws {
    let broker = try TestBroker()
    try await broker.withBroker { broker in
      try await broker.apply(try Topology(exchanges: [], queues: ["mail"], bindings: []))
      let operations = Operations(broker)
      var count = FailureCount()
      func counts() async throws -> [DeadLetterGroup.State: Int] {
        let all = try await count.look(operations)
        return Dictionary(all.map { ($0.key.state, $0.value) }) { $0 + $1 }
      }
      #expect(try await counts().isEmpty)
      try await park(broker, "a", "MailError")
      try await park(broker, "b", "Timeout")
      #expect(try await counts() == [.new: 2])
      let groups = try await operations.groups(.init(limit: .max)).groups
      let mail = try #require(groups.first { $0.error == "MailError" }).fingerprint
      let timeout = try #require(groups.first { $0.error == "Timeout" }).fingerprint
      try await operations.mark(mail, as: .resolved)
      try await operations.mark(timeout, as: .ignored)
      #expect(try await counts() == [.new: 0, .resolved: 1, .ignored: 1], "no dead letter had to come or go for that")
      broker.advance(by: .seconds(1))
      try await park(broker, "c", "MailError")
      #expect(try await counts() == [.new: 0, .resolved: 0, .returned: 1, .ignored: 1])
      _ = try await broker.deleteDeadLetters(.init(limit: .max))
      #expect(try await counts() == [.new: 0, .resolved: 0, .returned: 0, .ignored: 0])
    }
  }
}
