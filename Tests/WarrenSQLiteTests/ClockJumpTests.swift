import BrokerConformance
import Dispatch
import Foundation
import GRDB
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

/// The time of day is set while the broker works: nothing is lost, taken away or done twice, and what only lasts for a while lasts
/// as long as it would have.
@Suite struct ClockJumpTests {
  static let hourBack = Duration.seconds(-3600)
  static let hour = Duration.seconds(3600)
  static let tenYears = Duration.seconds(10 * 366 * 86_400)
  private let clock = VirtualClock()

  private func withBroker(_ queues: Queue..., body: @Sendable (SQLiteBroker) async throws -> Void) async throws {
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: queues))
      try await body(broker)
      try await expectOrder(broker)
    }
  }

  @Test(arguments: [hourBack, hour, tenYears])
  func whatIsHeldStaysWithItsWorker(_ jump: Duration) async throws {
    let folder = try TemporaryFolder()
    var configuration = SQLiteConfiguration()
    configuration.livenessInterval = .milliseconds(10)
    let path = folder.path("b.db")
    try await withBrokers(
      SQLiteBroker(path: path, configuration: configuration, clock: clock),
      SQLiteBroker(path: path, configuration: configuration, clock: clock)
    ) { worker, observer in
      try await worker.apply(Topology(queues: ["q"]))
      try await worker.put("x", to: "q")
      try await worker.consume("q", prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        clock.jump(by: jump)
        let looks = observer.liveness.looks
        try await eventually { observer.liveness.looks > looks + 10 }
        #expect(try await observer.status("q").running == 1)
        #expect(try await worker.settle(held, as: .complete) == .settled)
      }
      try await expectOrder(observer)
    }
  }

  @Test func aDelayIsDueAtItsTimeOfDay() async throws {
    try await withBroker("q") { broker in
      try await broker.consume("q", prefetch: 5) { consumer in
        @Sendable func putOff() async throws {
          _ = try await broker.publish([
            Publication(message("x"), to: .queue("q"), notBefore: clock.now + 60)
          ])
        }
        func comes() async throws {
          let delivery = try await consumer.mustNext()
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
        }
        try await putOff()
        clock.jump(by: Self.hour)
        try await comes()
        try await putOff()
        clock.jump(by: Self.hourBack)
        try await broker.writer.perform { _ in }
        #expect(try await broker.status("q").delayed == 1)
        clock.advance(by: .seconds(3660))
        try await comes()
        try await putOff()
        clock.jump(by: Self.tenYears)
        try await comes()
      }
    }
  }

  @Test func whatExpiresIsParkedOnceAndCanBeReplayedWhenTheClockIsRightAgain() async throws {
    try await withBroker(Queue("q", timeToLive: .seconds(60))) { broker in
      try await broker.put("x", to: "q")
      clock.jump(by: Self.hourBack)
      try await broker.writer.perform { _ in }
      #expect(try await broker.status("q").ready == 1)
      clock.jump(by: Self.tenYears)
      try await eventually { try await broker.deadLetters(.init()).letters.count == 1 }
      clock.jump(by: .zero - Self.tenYears)
      #expect(try await broker.replay(.init()).replayed == 1)
      try await broker.writer.perform { _ in }
      #expect(try await broker.status("q").ready == 1)
    }
  }

  /// A window is a time of day, since it outlives the process: what a clock that was wrong has written into it is true until then.
  @Test func aWindowOfUniquenessEndsAtItsTimeOfDay() async throws {
    try await withBroker("q") { broker in
      @Sendable func publish() async throws -> String {
        "\(try await broker.publish([Publication(message("x"), to: .queue("q"), unique: .key("k", for: Self.hour * 2))])[0])"
      }
      @Sendable func complete() async throws {
        try await broker.consume("q", prefetch: 1) { consumer in
          let delivery = try await consumer.mustNext()
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
        }
      }
      #expect(try await publish() == "stored")
      clock.jump(by: Self.tenYears)
      #expect(try await publish() == "repeated", "the queue has it, whatever the time is")
      clock.jump(by: .zero - Self.tenYears)
      try await complete()
      clock.jump(by: Self.hour)
      #expect(try await publish() == "repeated")
      clock.jump(by: Self.hourBack * 2)
      #expect(try await publish() == "repeated")
      clock.jump(by: Self.hour * 4)
      #expect(try await publish() == "stored")
    }
  }

  /// Whether a time is in the far future because it was meant, or because a clock was wrong, a person has to say.
  @Test func whatWaitsForLongerThanAYearIsShown() async throws {
    try await withBroker("q") { broker in
      clock.jump(by: Self.tenYears)
      _ = try await broker.publish([
        Publication(message("x"), to: .queue("q"), notBefore: clock.now + 60),
        Publication(message("y"), to: .queue("q"), unique: .key("k")),
      ])
      try await broker.consume("q", prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(try await broker.settle(delivery, as: .complete) == .settled)
      }
      #expect(try await broker.diagnose().allSatisfy { !$0.text.contains("a year") })
      clock.jump(by: .zero - Self.tenYears)
      let findings = try await broker.diagnose().filter { $0.text.contains("a year") }
      #expect(findings.map(\.severity) == [.warning, .warning])
      #expect(findings.allSatisfy { $0.text.hasPrefix("1 ") }, "\(findings)")
    }
  }

  @Test func retentionGoesOnThoughTheClockIsSetBack() async throws {
    try await withBroker("q") { broker in
      let now = Int64(clock.now.timeIntervalSince1970 * 1000)
      let queue = try await broker.number(of: "q")
      try await broker.execute(
        "INSERT INTO finished VALUES (\(queue), 'over', \(now - 7_200_000)), (\(queue), 'not', \(now))")
      try await eventually { clock.sleepers > 0 }
      clock.jump(by: Self.hourBack)
      // It looks once a minute of the time that passes, though by the time of day it is an hour until then.
      clock.advance(by: .seconds(61))
      try await eventually { try await broker.count("finished") == 1 }
    }
  }

  @Test(arguments: [hourBack, hour, tenYears])
  func aCallThatWaitsForTheFileIsNeitherGivenUpEarlyNorHeldForLonger(_ jump: Duration) async throws {
    try await withBroker("q") { broker in
      let (begun, begin) = AsyncStream<Void>.makeStream()
      let release = DispatchSemaphore(value: 0)
      broker.file.database.asyncWriteWithoutTransaction { _ in
        begin.finish()
        release.wait()
      }
      for await _ in begun {}
      let early = Task { try await broker.put("early", to: "q") }
      try await eventually { broker.writer.waiting == 1 }
      clock.jump(by: jump)
      broker.writer.failOverdue()
      #expect(broker.writer.waiting == 1)
      clock.advance(by: broker.configuration.publishDeadline + .seconds(1))
      broker.writer.failOverdue()
      await expect(.deadline) { try await early.value }
      release.signal()
    }
  }
}
