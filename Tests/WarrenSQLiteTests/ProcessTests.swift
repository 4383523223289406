import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenSQLite

/// Several brokers on one file. Each has locks, a worker row and a socket of its own, as processes have.
@Suite struct ProcessTests {
  let path: String
  let folder: TemporaryFolder
  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("b.db")
  }

  private func broker(
    lease: Duration = .seconds(60), interval: Duration = .milliseconds(20)
  ) throws -> SQLiteBroker {
    var configuration = SQLiteConfiguration()
    configuration.leaseTimeout = max(lease, interval * 2)
    configuration.livenessInterval = interval
    return try SQLiteBroker(path: path, configuration: configuration)
  }

  @Test func theDeliveriesOfTheDeadRunAgain() async throws {
    try await withBrokers(try broker(), try broker()) { victim, other in
      try await other.apply(Topology(queues: ["q"]))
      try await other.put("1", "2", to: "q")
      try await victim.consume("q", prefetch: 2) { consumer in
        let held = try #require(await consumer.next())
        victim.die()
        try await other.consume("q", prefetch: 10) { consumer in
          for number in 1...2 {
            let delivery = try #require(await consumer.next())
            #expect(delivery.message.body == Data("\(number)".utf8))
            #expect(delivery.history == History(interruptions: 1))
            #expect(try await other.settle(delivery, as: .complete) == .settled)
          }
        }
        await expect(.stopped) { _ = try await victim.settle(held, as: .complete) }
      }
      try await expectOrder(other)
      #expect(try await other.workers().count == 1)
    }
  }

  @Test func whoHangsLosesItsDeliveriesAndGoesOnUnderAnotherNumber() async throws {
    try await withBrokers(try broker(), try broker(lease: .milliseconds(300))) { hung, other in
      try await other.apply(Topology(queues: ["q"]))
      try await other.put("1", to: "q")
      try await hung.consume("q", prefetch: 1) { slow in
        let held = try #require(await slow.next())
        // From now on it gives no sign of life, though it has its lock.
        hung.liveness.stop()
        try await other.consume("q", prefetch: 1) { consumer in
          let again = try #require(await consumer.next())
          #expect(again.message.id == held.message.id)
          #expect(again.history.interruptions == 1)
          #expect(try await hung.settle(held, as: .complete) == .stale)
          #expect(try await other.settle(again, as: .complete) == .settled)
        }
        // It must not be taken for hanging once more, because this machine is busy.
        other.liveness.stop()
        hung.liveness.start()
        try await other.put("2", to: "q")
        let next = try #require(await slow.next())
        #expect(next.message.body == Data("2".utf8))
        #expect(next.token.scope != held.token.scope)
        #expect(try await hung.settle(next, as: .complete) == .settled)
      }
      try await expectOrder(other)
    }
  }

  @Test func whatIsPublishedInOneProcessWakesTheOther() async throws {
    // No poll within this test's time: only the socket can do it.
    try await withBrokers(try broker(interval: .seconds(600)), try broker(interval: .seconds(600))) { api, worker in
      try await api.apply(Topology(queues: ["q"]))
      try await worker.consume("q", prefetch: 5) { consumer in
        for number in 0..<20 {
          try await api.put("\(number)", to: "q")
          let delivery = try #require(await consumer.next())
          #expect(delivery.message.body == Data("\(number)".utf8))
          #expect(try await worker.settle(delivery, as: .complete) == .settled)
        }
        // A pause, and its end, reach the other process too.
        try await api.pause("q")
        try await api.put("later", to: "q")
        #expect(try await api.status("q").ready == 1)
        try await api.resume("q")
        #expect(await consumer.next() != nil)
      }
    }
  }

  @Test func manyProcessesShareAQueueAndNoneGetsWhatAnotherHas() async throws {
    try await withBrokers(try broker(), try broker()) { a, b in
      try await a.apply(Topology(queues: ["q"]))
      let seen = Log<String>()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for broker in [a, b] {
          group.addTask {
            try await broker.consume("q", prefetch: 7) { consumer in
              while let delivery = await consumer.next() {
                seen.add(delivery.text)
                _ = try await broker.settle(delivery, as: .complete)
              }
            }
          }
        }
        for broker in [a, b] {
          group.addTask {
            let side = broker === a ? "a" : "b"
            for number in 0..<150 { try await broker.put("\(side)\(number)", to: "q") }
          }
        }
        let all = try await seen.next(300)
        #expect(Set(all).count == 300)
        group.cancelAll()
      }
      try await expectOrder(a)
      #expect(try await a.status("q").totals?.published == 300)
    }
  }

  @Test func aWorkerIsSeenByAllWhileItWorks() async throws {
    try await withBrokers(try broker(), try broker()) { a, b in
      try await a.apply(Topology(queues: ["q", "r"]))
      try await a.put("x", to: "q")
      try await a.consume("q", prefetch: 1) { consumer in
        let held = try #require(await consumer.next())
        try await a.consume("r", prefetch: 1) { _ in
          let worker = try #require(try await b.workers().first)
          #expect(worker.queues == ["q", "r"])
          #expect(worker.running == 1)
          #expect(worker.name.contains("\(ProcessInfo.processInfo.processIdentifier)"))
          #expect(try await b.status("r").consumers == 1)
          #expect(try await b.diagnose().contains { $0.text.contains("lives") })
        }
        #expect(try await b.workers().first?.queues == ["q"])
        _ = try await a.settle(held, as: .release)
      }
      #expect(try await b.status("q").consumers == 0)
    }
  }

  @Test func whatTheDeadLeftInTheFolderIsSweptUp() async throws {
    let workers = path + "-workers"
    try FileManager.default.createDirectory(atPath: workers, withIntermediateDirectories: true)
    for name in ["old.lock", "old.sock", "young.lock"] {
      #expect(FileManager.default.createFile(atPath: "\(workers)/\(name)", contents: nil))
    }
    let longAgo: [FileAttributeKey: Any] = [.modificationDate: Date(timeIntervalSinceNow: -3600)]
    try FileManager.default.setAttributes(longAgo, ofItemAtPath: "\(workers)/old.lock")
    try await broker().withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.consume("q", prefetch: 1) { _ in
        while FileManager.default.fileExists(atPath: "\(workers)/old.sock") { await Task.yield() }
        #expect(!FileManager.default.fileExists(atPath: "\(workers)/old.lock"))
        #expect(FileManager.default.fileExists(atPath: "\(workers)/young.lock"))
        let workers = try await broker.workers()
        #expect(workers.count == 1)
      }
    }
    // Its own went with it.
    #expect(try FileManager.default.contentsOfDirectory(atPath: workers) == ["young.lock"])
  }
}
