import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

/// Who is alive, and what becomes of what the others held.
@Suite struct OwnershipTests {
  let path: String
  let folder: TemporaryFolder
  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("b.db")
  }

  private func broker(interval: Duration = .milliseconds(20)) throws -> SQLiteBroker {
    var configuration = SQLiteBroker.Configuration()
    configuration.livenessInterval = interval
    return try SQLiteBroker(path: path, configuration: configuration)
  }

  @Test(.disabled("the delivery stays out for ever: nothing looks for it"))
  func aDeliveryWhoseWorkerIsGoneRunsAgain() async throws {
    try await broker().withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("x", to: "q")
      let queue = try await broker.number(of: "q")
      try await broker.execute(
        "INSERT INTO running (seq, queue, worker, fence, since, is_suspect) SELECT seq, queue, 99, 1, 0, 0 FROM ready",
        "DELETE FROM ready", "UPDATE depth SET ready = 0, running = 1 WHERE queue = \(queue)")
      try await broker.consume("q", prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(delivery.text == "x")
        #expect(try await broker.settle(delivery, as: .complete) == .settled)
      }
      try await expectOrder(broker)
    }
  }

  @Test func nothingIsHandedOutInTheTransactionThatRetires() async throws {
    try await broker(interval: .seconds(600)).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.consume("q", prefetch: 5) { _ in
        // Others took this process for dead, and at this moment it ends.
        try await broker.execute("DELETE FROM worker", "UPDATE meta SET workers_version = workers_version + 1")
        await broker.together([
          { try? await broker.put("x", to: "q") }, { try? await broker.writer.perform { try $0.retire() } },
        ])
        await withKnownIssue { try await expectOrder(broker) }
      }
    }
  }
}
