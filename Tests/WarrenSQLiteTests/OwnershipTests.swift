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
    var configuration = SQLiteConfiguration()
    configuration.livenessInterval = interval
    configuration.leaseTimeout = max(.seconds(60), interval * 2)
    return try SQLiteBroker(path: path, configuration: configuration)
  }

  @Test func aDeliveryWhoseWorkerIsGoneRunsAgain() async throws {
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

  /// The claim is in a transaction of the writer, and what it claimed comes after the commit.
  @Test func aPauseThatCrossesAClaimKeepsNothing() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      for _ in 0..<300 {
        let stored = Task { try await broker.put("x", to: "q") }
        try await broker.consume("q", prefetch: 1) { consumer in
          consumer.pause(until: .distantFuture)
          try await stored.value
          try await broker.consume("q", prefetch: 1) { other in
            let delivery = try await other.mustNext()
            #expect(try await broker.settle(delivery, as: .complete) == .settled)
          }
        }
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
        try await expectOrder(broker)
      }
    }
  }

  @Test func aClaimThatWasTakenOverIsRefusedWhateverTheHandlerDid() async throws {
    try await withBrokers(try broker(interval: .seconds(600)), try broker(interval: .seconds(600))) { worker, other in
      try await worker.apply(Topology(queues: ["q"]))
      let outcomes: [Settlement] = [
        .complete, .release, .isolate, .postpone(until: Date() + 60), .retry(at: Date(), History(attempts: 1)),
        .deadLetter(.init(.rejected), History(attempts: 1)),
      ]
      for (number, outcome) in outcomes.enumerated() {
        try await worker.put("\(number)", to: "q")
        let lost = try await worker.consume("q", prefetch: 1) { consumer in
          let held = try await consumer.mustNext()
          consumer.stop()
          // The lease is over while the handler runs, and the other takes what this one held.
          _ = try await other.writer.perform { try $0.recover(worker: held.token.scope) }
          #expect(try await worker.settle(held, as: outcome) == .stale)
          return held
        }
        try await other.consume("q", prefetch: 1) { consumer in
          let mine = try await consumer.mustNext()
          #expect(mine.message.id == lost.message.id)
          #expect(mine.history == History(interruptions: 1))
          #expect(try await worker.settle(lost, as: outcome) == .stale)
          #expect(try await other.settle(mine, as: .complete) == .settled)
        }
      }
      try await expectOrder(other)
      #expect(try await other.count("message") == 0)
    }
  }

  @Test func aWorkerWhoseLockFileIsDeletedKeepsItsWorkAndShowsItselfAgain() async throws {
    try await withBrokers(try broker(), try broker()) { worker, other in
      try await worker.apply(Topology(queues: ["q"]))
      try await worker.put("x", to: "q")
      try await worker.consume("q", prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        let before = worker.presence.file
        try FileManager.default.removeItem(atPath: path + "-workers")
        try await eventually {
          let now = worker.presence.file
          return now != before && FileManager.default.fileExists(atPath: path + "-workers/\(now).lock")
        }
        #expect(try await worker.settle(held, as: .complete) == .settled)
        // The others find it under its new name.
        try await other.put("y", to: "q")
        #expect(try await consumer.mustNext().history.interruptions == 0)
        #expect(try await other.workers().count == 1)
      }
    }
  }

  @Test func aLockFileThatIsNotTheWorkersProvesNothing() async throws {
    try await withBrokers(try broker(interval: .seconds(600)), try broker()) { worker, other in
      try await worker.apply(Topology(queues: ["q"]))
      try await worker.put("x", to: "q")
      try await worker.consume("q", prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        // As a backup puts it back: the same name, and no process has locked it.
        let lock = path + "-workers/\(worker.presence.file).lock"
        try FileManager.default.removeItem(atPath: lock)
        #expect(FileManager.default.createFile(atPath: lock, contents: nil))
        let looks = other.liveness.looks
        try await eventually { other.liveness.looks > looks + 3 }
        #expect(try await worker.settle(held, as: .complete) == .settled)
      }
    }
  }
}

/// The decision itself, without a file or a clock.
@Suite struct LeaseWatchTests {
  private let begin = ContinuousClock.now
  private func watch() -> LeaseWatch { LeaseWatch(lease: .seconds(60), interval: .milliseconds(500)) }

  @Test func aDroppedLockIsDeathAtOnce() {
    var watch = watch()
    #expect(watch.look(["a": .dropped, "b": .held(.zero)], at: begin) == ["a": .died])
  }

  @Test(arguments: [LeaseWatch.Sign.held(.seconds(5)), .missing])
  func aSignThatDoesNotChangeIsOverAfterTheLease(_ sign: LeaseWatch.Sign) {
    var watch = watch()
    var looks = 0
    while watch.look(["a": sign], at: begin + .milliseconds(500) * looks).isEmpty, looks < 1000 { looks += 1 }
    #expect(looks == 121)
  }

  @Test func aSignThatChangesIsLife() {
    var watch = watch()
    for look in 0..<1000 {
      let sign = LeaseWatch.Sign.held(.seconds(look / 100))
      #expect(watch.look(["a": sign], at: begin + .milliseconds(500) * look).isEmpty)
    }
  }

  @Test func theTimeThatTheObserverSleptDoesNotCount() {
    var watch = watch()
    for sleep in 0..<20 {
      // Each time for an hour, and the sign is still the old one when it wakes.
      #expect(watch.look(["a": .held(.zero)], at: begin + .seconds(3600) * sleep).isEmpty)
    }
  }

  @Test func whatMayNotBeLookedAtIsNotTaken() {
    var watch = watch()
    for look in 0..<1000 { #expect(watch.look(["a": .hidden], at: begin + .seconds(look)).isEmpty) }
  }
}
