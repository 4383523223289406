import BrokerConformance
import Foundation
import Testing
import Warren

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

  /// Ends like a process that was killed: nothing is given back, the sign of life is gone.
  func die() {
    liveness.stop()
    writer.stop(Lifecycle.stopped)
    presence.end()
  }
}

/// Runs two brokers while `body` runs.
func withBrokers<Result: Sendable>(
  _ a: SQLiteBroker, _ b: SQLiteBroker, _ body: @Sendable (SQLiteBroker, SQLiteBroker) async throws -> Result
) async throws -> Result {
  try await a.withBroker { a in try await b.withBroker { b in try await body(a, b) } }
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
