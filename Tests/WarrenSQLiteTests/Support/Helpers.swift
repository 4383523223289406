import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

func message(_ text: String, id: MessageID? = .unique(), priority: Priority = .normal) -> Message {
  Message(id: id, name: "test.thing", body: Data(text.utf8), priority: priority)
}

extension SQLiteBroker {
  /// Publishes to a queue and expects that it was stored.
  func put(_ texts: String..., to queue: QueueName) async throws {
    for result in try await publish(texts.map { Publication(message($0), to: .queue(queue)) }) {
      #expect(result.isStored)
    }
  }

  func status(_ queue: QueueName) async throws -> QueueStatus {
    try #require(try await queues().first { $0.name == queue })
  }

  /// Takes the next delivery of a queue and gives up on it.
  func park(_ queue: QueueName) async throws {
    try await consume(queue, prefetch: 1) { consumer in
      let delivery = try await consumer.mustNext()
      #expect(try await settle(delivery, as: .deadLetter(.init(.exhausted, "x"), History(attempts: 1))) == .settled)
    }
  }

  /// Changes the file as a foreign hand would.
  func execute(_ statements: String...) async throws {
    try await file.database.write { database in
      for sql in statements { try database.execute(sql: sql) }
    }
  }

  /// How many rows there are.
  func count(_ table: String) async throws -> Int {
    try await file.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? 0 }
  }

  /// The number that a queue has in the file.
  func number(of queue: QueueName) async throws -> Int64 {
    try await file.database.read { database in
      try #require(
        try Int64.fetchOne(database, sql: "SELECT id FROM queue WHERE name = ?", arguments: [queue.rawValue]))
    }
  }

  /// Makes all requests of one transaction: the writer is held up until they all wait for it.
  func together(_ requests: [@Sendable () async -> Void]) async {
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let release = DispatchSemaphore(value: 0)
    file.database.asyncWriteWithoutTransaction { _ in
      begin.finish()
      release.wait()
    }
    for await _ in begun {}
    await withTaskGroup(of: Void.self) { group in
      for request in requests { group.addTask { await request() } }
      while writer.waiting < requests.count { await Task.yield() }
      release.signal()
    }
  }

  /// Ends like a process that was killed: nothing is given back, the sign of life is gone.
  func die() {
    liveness.stop()
    writer.stop(EngineLifecycle<Void>.stopped)
    presence.abandon()
  }
}

/// Runs two brokers while `body` runs.
func withBrokers<Result: Sendable>(
  _ a: SQLiteBroker, _ b: SQLiteBroker, _ body: @Sendable (SQLiteBroker, SQLiteBroker) async throws -> Result
) async throws -> Result {
  try await a.withBroker { a in try await b.withBroker { b in try await body(a, b) } }
}

/// Turns the clock on and on while `body` runs: what waits for a deadline gets there, however slow the machine is.
func turning<Result>(_ clock: VirtualClock, while body: () async throws -> Result) async rethrows -> Result {
  let turning = Task {
    while !Task.isCancelled {
      clock.advance(by: .seconds(31))
      await Task.yield()
    }
  }
  defer { turning.cancel() }
  return try await body()
}

/// Expects a broker error with this code.
func expect(
  _ code: BrokerError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
  let error = await #expect(throws: BrokerError.self, sourceLocation: sourceLocation) { try await body() }
  #expect(error?.code == code, sourceLocation: sourceLocation)
}

/// The same numbers every time.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}
