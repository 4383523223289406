import BrokerConformance
import Foundation
import GRDB
import GRDBSQLite
import Synchronization
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

/// Work that is put off is done, and holds no other up.
@Suite struct ContinuationTests {
  @Test func whatExpiresTogetherIsParkedWithoutAConsumer() async throws {
    let clock = VirtualClock()
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue("q", timeToLive: .seconds(2))]))
      for _ in 0..<10 {
        _ = try await broker.publish((0..<100).map { Publication(message("\($0)"), to: .queue("q")) })
      }
      clock.advance(by: .seconds(3))
      try await eventually { try await broker.status("q").totals?.deadLettered == 1000 }
      try await expectOrder(broker)
    }
  }

  @Test func whatComesDueTogetherIsReadyWithoutAConsumer() async throws {
    let clock = VirtualClock()
    try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      let due = clock.now + 2
      for _ in 0..<25 {
        _ = try await broker.publish(
          (0..<100).map { Publication(message("\($0)"), to: .queue("q"), notBefore: due) })
      }
      clock.advance(by: .seconds(3))
      try await eventually { try await broker.status("q").ready == 2500 }
    }
  }

  /// Counted by SQLite's own steps, so that it is the same on any machine.
  @Test func forgettingCostsTheSameHoweverMuchIsRemembered() async throws {
    func steps(remembered: Int) async throws -> Int {
      let clock = VirtualClock()
      let counter = StepCounter()
      return try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
        let now = Int64(clock.now.timeIntervalSince1970 * 1000)
        // 600 of them are over, wherever they stand among the others.
        try await broker.execute(
          """
          WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(remembered) - 1)
          INSERT INTO finished (queue, key, until)
          SELECT 1, 'id-' || i, \(now) + (i * 7919 % \(remembered)) * 100 - 59950 FROM n
          """)
        #expect(try await broker.count("finished WHERE until <= \(now)") == 600)
        try await broker.file.database.write { counter.begin($0) }
        await broker.forgetWhatIsOver()
        try await broker.file.database.write { counter.end($0) }
        #expect(try await broker.count("finished") == remembered - 600)
        return counter.steps.load(ordering: .relaxed)
      }
    }
    let few = try await steps(remembered: 700)
    let many = try await steps(remembered: 70_000)
    #expect(many < few * 3)
  }
}

/// Counts the instructions of SQLite's virtual machine on one connection.
private final class StepCounter: Sendable {
  let steps = Atomic<Int>(0)

  func begin(_ database: Database) {
    sqlite3_progress_handler(
      database.sqliteConnection, 1,
      { context in
        if let context {
          Unmanaged<StepCounter>.fromOpaque(context).takeUnretainedValue().steps.add(1, ordering: .relaxed)
        }
        return 0
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  func end(_ database: Database) { sqlite3_progress_handler(database.sqliteConnection, 0, nil, nil) }
}
