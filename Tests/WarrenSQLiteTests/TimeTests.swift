import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

@Suite struct TimeTests {
  @Test func keysOfCompletedJobsAreRememberedForTheirWindowAndThenForgotten() async throws {
    let clock = VirtualClock()
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      @Sendable func publish(_ key: String, isUnique: Bool = true) async throws -> String {
        let job = Publication(message("x"), to: .queue("q"), unique: isUnique ? .key(key) : nil)
        return "\(try await broker.publish([job])[0])"
      }
      #expect(try await publish("a") == "stored")
      #expect(try await publish("a") == "repeated")
      try await broker.consume("q", prefetch: 1) { consumer in
        let delivery = try #require(await consumer.next())
        #expect(try await publish("a") == "repeated")
        _ = try await broker.settle(delivery, as: .complete)
      }
      #expect(try await publish("a") == "repeated")
      clock.advance(by: .seconds(86_399))
      #expect(try await publish("a") == "repeated")
      clock.advance(by: .seconds(2))
      #expect(try await publish("a") == "stored")
      // A job that is not unique is not remembered.
      #expect(try await publish("b", isUnique: false) == "stored")
      try await broker.consume("q", prefetch: 2) { consumer in
        for _ in 0..<2 { _ = try await broker.settle(try #require(await consumer.next()), as: .complete) }
      }
      @Sendable func remembered() async throws -> Int? {
        try await broker.file.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM finished") }
      }
      #expect(try await remembered() == 1)
      // The tidying sleeps again after each round; a turn of the clock may find it before that.
      while try await remembered() != 0 { clock.advance(by: .seconds(86_400)) }
    }
  }

  @Test func aClockThatIsSetBackHoldsUpNothingThatIsReady() async throws {
    let clock = VirtualClock()
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("before", to: "q")
      clock.advance(by: .seconds(-86_400 * 365))
      try await broker.put("after", to: "q")
      try await broker.consume("q", prefetch: 2) { consumer in
        for text in ["before", "after"] {
          let delivery = try #require(await consumer.next())
          #expect(delivery.text == text)
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
        }
        _ = try await broker.publish([
          Publication(message("later"), to: .queue("q"), notBefore: clock.now.addingTimeInterval(60))
        ])
        // It jumps far beyond.
        clock.advance(by: .seconds(86_400 * 400))
        #expect(await consumer.next()?.text == "later")
      }
      try await expectOrder(broker)
    }
  }

  @Test func aMessageThatExpiresWhereItHasNowhereToGoStays() async throws {
    let clock = VirtualClock()
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue.deadLetters("end")]))
      var job = message("x")
      job.expiresAt = clock.now.addingTimeInterval(5)
      _ = try await broker.publish([Publication(job, to: .queue("end"))])
      for _ in 0..<5 {
        clock.advance(by: .seconds(11))
        try await broker.writer.perform { _ in }
        #expect(try await broker.status("end").ready == 1)
      }
      try await expectOrder(broker)
    }
  }

  @Test func whatExpiredCanBeReplayedAndHandled() async throws {
    let clock = VirtualClock()
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      var job = message("x")
      job.expiresAt = clock.now.addingTimeInterval(5)
      _ = try await broker.publish([Publication(job, to: .queue("q"))])
      clock.advance(by: .seconds(6))
      try await broker.writer.perform { _ in }
      let letter = try #require(try await broker.deadLetters(.init()).letters.first)
      #expect(letter.reason.kind == .expired)
      #expect(letter.message.expiresAt == clock.now.addingTimeInterval(-1))
      #expect(try await broker.replay(.init()) == ReplayReport(replayed: 1, stayed: 0))
      try await broker.consume("q", prefetch: 1) { consumer in
        let delivery = try #require(await consumer.next())
        #expect(delivery.message.id == letter.message.id)
        #expect(delivery.message.expiresAt == nil)
        #expect(delivery.history.replays == 1)
      }
    }
  }

  @Test func whatWasIsolatedIsHandedOutAloneAndTheOthersPassIt() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("a", "b", "c", to: "q")
      try await broker.consume("q", prefetch: 10) { consumer in
        for _ in 0..<2 { _ = try await broker.settle(try #require(await consumer.next()), as: .isolate) }
        let c = try #require(await consumer.next())
        #expect(c.text == "c")
        let a = try #require(await consumer.next())
        #expect(a.text == "a")
        #expect(a.isSuspect)
        for _ in 0..<2 { try await broker.writer.perform { _ in } }
        // The other suspect waits, though there is credit.
        #expect(try await broker.status("q").ready == 1)
        _ = try await broker.settle(a, as: .complete)
        let b = try #require(await consumer.next())
        #expect(b.text == "b")
        #expect(b.isSuspect)
      }
      try await expectOrder(broker)
    }
  }
}
