import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

/// One request that cannot be done fails alone.
@Suite struct NeighbourTests {
  let folder: TemporaryFolder
  let path: String
  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("b.db")
  }

  @Test func aMessageTooLargeForTheDiskFailsAloneInItsTransaction() async throws {
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("held", to: "q")
      try await broker.consume("q", prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        // SQLite's own bound on the file acts as a full disk does.
        try await broker.file.database.write { database in
          let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
          try database.execute(sql: "PRAGMA max_page_count = \(pages + 4)")
        }
        let large = Message(id: .unique(), name: "large", body: Data(repeating: 1, count: 1 << 20))
        await broker.together([
          { await expect(.full) { _ = try await broker.publish([Publication(large, to: .queue("q"))]) } },
          { await #expect(throws: Never.self) { try await broker.put("small", to: "q") } },
          { await #expect(throws: Never.self) { _ = try await broker.settle(held, as: .complete) } },
        ])
      }
      try await expectOrder(broker)
    }
  }

  @Test func aConsumerThatCannotShowItselfFailsAlone() async throws {
    // No file can be made there, by whatever user.
    try FileManager.default.createSymbolicLink(atPath: path + "-workers", withDestinationPath: "/proc/self")
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      await broker.together([
        { await #expect(throws: Never.self) { try await broker.put("x", to: "q") } },
        { await expect(.unavailable) { try await broker.consume("q", prefetch: 1) { _ in } } },
      ])
    }
  }

  @Test func anyDurationIsADuration() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(
        Topology(queues: [
          Queue("a", timeToLive: .milliseconds(Int64.max - 1)), Queue("b", timeToLive: .seconds(Int64.max)),
        ]))
      try await broker.put("x", to: "a")
      try await broker.put("x", to: "b")
      for queue: QueueName in ["a", "b"] {
        try await broker.park(queue)
        #expect(try await broker.replay(.init(origin: queue)).replayed == 1)
        try await broker.consume(queue, prefetch: 1) { consumer in
          let far = Settlement.postpone(until: Date(timeIntervalSince1970: .greatestFiniteMagnitude))
          let delivery = try await consumer.mustNext()
          #expect(try await broker.settle(delivery, as: far) == .settled)
        }
      }
      try await expectOrder(broker)
    }
  }
}
