import BrokerConformance
import Foundation
import GRDB
import Synchronization
import Testing
import Warren
import WarrenGRDB
import WarrenSQLite
import WarrenTesting

@Suite struct OutboxTests {
  @Test(arguments: [false, true]) func whatIsCommittedArrivesAsItWasMade(inFile: Bool) async throws {
    let application = try Application(inFile: inFile)
    try await relaying(application) { broker in
      let id = try await application.book(7)
      let message = try #require(try await take(1, from: "all", broker).first)
      #expect(message.id == id && message.name == Booked.name && message.source == "app")
      #expect(String(decoding: message.body, as: UTF8.self).contains(#""number":7"#))
      try await application.drained()
    }
  }

  @Test func nothingShowsWhatItsMiddlewareHolds() throws {
    struct Secret: Middleware { let key = "s3cret" }
    let outbox = Outbox(try Application().database, MessageComposer(source: "app", middleware: [Secret()]))
    let relay = OutboxRelay(outbox, to: try TestBroker())
    var shown = "\(outbox), \(relay)"
    #expect(shown == "outbox of 'app', relay from the outbox of 'app'")
    dump((outbox, relay), to: &shown)
    #expect(!shown.contains("s3cret"))
  }

  @Test func everyPartOfAMessageIsKept() async throws {
    let application = try Application()
    let time = Date(timeIntervalSince1970: 1_900_000_000.25)
    let full = Message(
      id: "an id/ü", name: "n", body: Data([0xFF, 0, 1]), headers: ["ключ": "🐇", "empty": ""], contentType: nil,
      contentEncoding: "gzip", timestamp: time, correlationID: "c", causationID: "d", source: "s", priority: 9,
      expiresAt: time + 5)
    try await application.database.write { db in
      try application.outbox.add(Publication(full, to: .exchange(bookings.name, "")), in: db)
      try application.outbox.add(
        Publication(Message(id: nil, name: nil, body: Data()), to: .queue(Remind.queue.name)), in: db)
    }
    try await relaying(application) { broker in
      #expect(try await take(1, from: "all", broker) == [full])
      let bare = try await take(1, from: "reminders", broker)[0]
      #expect(bare.id != nil && bare.name == nil && bare.body.isEmpty)
    }
  }

  @Test func aTransactionThatIsRolledBackPublishesNothing() async throws {
    struct Refused: Error {}
    let application = try Application()
    try await relaying(application) { broker in
      await #expect(throws: Refused.self) {
        try await application.database.write { db in
          try application.outbox.publish(Booked(number: 1), in: db)
          throw Refused()
        }
      }
      // The one after a rollback still wakes the relay.
      let id = try await application.book(2)
      #expect(try await take(1, from: "all", broker).map(\.id) == [id])
    }
    #expect(try await application.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM booking") } == 1)
  }

  @Test func aJobKeepsItsDelayItsKeyAndItsPriority() async throws {
    let application = try Application()
    try await application.database.write { db in
      for number in 1...2 {
        try application.outbox.enqueue(
          Remind(number: number), unique: .key("one"), after: .milliseconds(30), priority: .high, in: db)
      }
    }
    let seen = Mutex<[String]>([])
    var options = OutboxRelay.Options()
    options.onReceipt = { publication, receipt in seen.withLock { $0.append("\(receipt.result)") } }
    let begin = Date()
    try await relaying(application, options: options) { broker in
      let message = try await take(1, from: "reminders", broker)[0]
      #expect(message.priority == .high && Date() > begin + 0.02)
      try await application.drained()
    }
    #expect(seen.withLock { $0 } == ["stored", "repeated"])
  }

  @Test func whatNoEngineCanCarryFailsInTheCallersTransaction() async throws {
    let application = try Application()
    let error = await #expect(throws: BrokerError.self) {
      try await application.database.write { db in
        try application.outbox.publish(Booked(number: 1), headers: ["h": String(repeating: "x", count: 40_000)], in: db)
      }
    }
    #expect(error?.code == .invalid)
    #expect(try await application.waiting() == 0)
  }

  @Test func aDatabaseWithoutTheTablesSaysWhatToDo() async throws {
    let database = try DatabaseQueue()
    let outbox = Outbox(database, MessageComposer(source: "s", exchange: bookings))
    let error = await #expect(throws: BrokerError.self) {
      try await database.write { try outbox.publish(Booked(number: 1), in: $0) }
    }
    #expect(error?.message.contains("registerWarrenTables()") == true)
    let other = await #expect(throws: BrokerError.self) {
      try await OutboxRelay(outbox, to: SQLiteBroker.inMemory(), logger: quiet).run()
    }
    #expect(other?.message.contains("registerWarrenTables()") == true)
  }

  // MARK: Failures

  @Test func aMessageThatCannotBePublishedHoldsUpOnlyItsOwnKey() async throws {
    let application = try Application()
    for number in 1...6 { try await application.book(number, orderedBy: number % 2 == 0 ? "even" : nil) }
    let isBroken = Mutex(true)
    var options = OutboxRelay.Options()
    options.pauses = .seconds(3600)...Duration.seconds(3600)
    try await relaying(
      application,
      through: { engine in
        Deciding(base: engine, isOneByOne: true) { publications throws(BrokerError) in
          publications.map { publication in
            String(decoding: publication.message.body, as: UTF8.self).contains(#""number":2"#)
              && isBroken.withLock { $0 }
              ? BrokerError(.notFound, "there is no exchange") : nil
          }
        }
      }, options: options
    ) { broker in
      #expect(try await numbers(take(3, from: "all", broker)) == [1, 3, 5])
      let findings = try await application.outbox.findings()
      #expect(findings.contains { $0.severity == .problem && $0.text.contains("there is no exchange") })
      #expect(try await application.outbox.status().failing == 1)
      let failing = try #require(try await application.outbox.failing(limit: 9).first)
      #expect(failing.attempts == 1 && failing.error.contains("there is no exchange"))
      #expect(failing.destination == "bookings" && failing.nextTry > failing.stored)
      isBroken.withLock { $0 = false }
      try await application.outbox.retryNow()
      #expect(try await numbers(take(3, from: "all", broker)) == [2, 4, 6])
      try await application.drained()
    }
  }

  @Test func whatTakesThePlaceOfADiscardedMessageIsPublishedToo() async throws {
    let application = try Application()
    let first = try await application.book(1)
    let isFirst = Mutex(true)
    try await relaying(
      application,
      through: { engine in
        Deciding(base: engine) { publications throws(BrokerError) in
          let isFirst = isFirst.withLock { isFirst in
            defer { isFirst = false }
            return isFirst
          }
          if isFirst {
            // While the first message is on its way, an operator discards it and the next is committed, at the same place.
            do {
              try application.database.write { db in
                try db.execute(sql: "DELETE FROM warren_outbox WHERE id = ?", arguments: [first.rawValue])
                try application.outbox.publish(Booked(number: 2), in: db)
              }
            } catch { throw BrokerError(.invalid, "\(error)") }
          }
          return publications.map { _ in nil }
        }
      }
    ) { broker in
      #expect(try await numbers(take(2, from: "all", broker)) == [1, 2])
      try await application.drained()
    }
  }

  @Test(arguments: [false, true]) func theOrderOfAKeyIsKeptThoughTheEngineFails(oneByOne: Bool) async throws {
    let application = try Application()
    for number in 1...60 { try await application.book(number, orderedBy: "key \(number % 3)") }
    let calls = Mutex(0)
    var options = OutboxRelay.Options()
    options.batch = 20
    options.pauses = .milliseconds(1)...Duration.milliseconds(2)
    options.poll = .milliseconds(2)
    try await relaying(
      application,
      through: { engine in
        Deciding(base: engine, isOneByOne: oneByOne) { publications throws(BrokerError) in
          let call = calls.withLock {
            $0 += 1
            return $0
          }
          if call % 3 == 0 { throw BrokerError(.unavailable, "the broker cannot be reached") }
          // One by one, an engine may refuse any of a batch; as one, it refuses all or none.
          if !oneByOne { return publications.map { _ in call % 3 == 1 ? BrokerError(.full, "full") : nil } }
          return publications.indices.map { ($0 + call) % 4 == 0 ? BrokerError(.full, "full") : nil }
        }
      }, options: options
    ) { broker in
      let all = try await numbers(take(60, from: "all", broker))
      for key in 0...2 {
        let ordered = all.filter { $0 % 3 == key }
        #expect(ordered == ordered.sorted() && ordered.count == 20)
      }
    }
  }

  @Test func nothingIsLostWhileTheBrokerIsAwayAndTheLagIsAFinding() async throws {
    let clock = VirtualClock()
    let application = try Application(clock: clock)
    try await application.book(1)
    clock.advance(by: .seconds(90))
    let status = try await application.outbox.status()
    #expect(status.waiting == 1 && status.lag == .seconds(90) && status.failing == 0)
    #expect(try await application.outbox.findings().map(\.severity) == [.warning])
    #expect(try await application.outbox.findings(patience: .seconds(100)).isEmpty)
  }

  @Test func thatNoProcessRelaysIsAProblem() async throws {
    let clock = VirtualClock()
    let application = try Application(inFile: true, clock: clock)
    try await application.book(1)
    clock.advance(by: .seconds(60))
    let findings = try await application.outbox.findings()
    #expect(findings.map(\.severity) == [.problem] && findings[0].text.contains("no process relays"))
  }

  @Test func aMessageCanBeDiscarded() async throws {
    let application = try Application()
    let id = try await application.book(1)
    #expect(try await application.outbox.discard(id))
    #expect(try await !application.outbox.discard(id))
    #expect(try await application.waiting() == 0)
  }

  @Test func aBrokerThatStopsBeforeItsRelayIsNoError() async throws {
    let application = try Application()
    try await application.book(1)
    let log = CapturedLog()
    try await SQLiteBroker.inMemory().withBroker { engine in
      let broker = Deciding(base: engine) { _ throws(BrokerError) in
        throw BrokerError(.stopped, "the broker was stopped")
      }
      let relay = OutboxRelay(application.outbox, to: broker, logger: log.logger)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await relay.run() }
        try await log.wait(for: "The outbox waits")
        group.cancelAll()
      }
    }
    #expect(log.warnings == [])
    #expect(try await application.waiting() == 1)
  }

  // MARK: Several relays and outboxes

  @Test func oneRelayOfAllWorksAndAnotherTakesOver() async throws {
    let application = try Application(inFile: true)
    let working = Watched<Set<String>>([])
    @Sendable func relay(_ name: String, _ broker: SQLiteBroker) -> OutboxRelay {
      var own = OutboxRelay.Options()
      own.poll = .milliseconds(5)
      own.onReceipt = { _, _ in working.withValue { _ = $0.insert(name) } }
      return OutboxRelay(application.outbox, to: broker, options: own, logger: quiet)
    }
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(
        Topology(exchanges: [bookings], queues: ["all"], bindings: [Binding("all", to: bookings.name, key: "#")]))
      let (first, second) = (relay("first", broker), relay("second", broker))
      try await withThrowingTaskGroup(of: Void.self) { group in
        let one = Task { try await first.run() }
        try await application.book(1)
        #expect(try await numbers(take(1, from: "all", broker)) == [1])
        group.addTask { try await second.run() }
        for number in 2...20 { try await application.book(number) }
        #expect(try await numbers(take(19, from: "all", broker)) == Array(2...20))
        #expect(working.value == ["first"])
        one.cancel()
        try await one.value
        try await application.book(21)
        #expect(try await numbers(take(1, from: "all", broker)) == [21])
        try await within { await working.wait { $0 == ["first", "second"] } }
        group.cancelAll()
      }
    }
  }

  @Test func anOutboxOfItsOwnWakesTheRelayThroughThePipe() async throws {
    let application = try Application(inFile: true)
    var options = OutboxRelay.Options()
    options.poll = .seconds(3600)
    try await relaying(application, options: options) { broker in
      try await application.book(1)
      _ = try await take(1, from: "all", broker)
      // Until then the relay writes, and of two that write one is refused at once and tries again when it polls.
      try await application.drained()
      // As another process has it: its own connection and its own outbox.
      let database = try DatabaseQueue(path: application.path)
      let other = Outbox(database, application.outbox.composer)
      _ = try await database.write { try other.publish(Booked(number: 2), in: $0) }
      #expect(try await numbers(take(1, from: "all", broker)) == [2])
    }
  }
}

private func numbers(_ messages: [Message]) throws -> [Int] {
  struct Body: Decodable {
    var data: Booked
  }
  return try messages.map { try JSONDecoder().decode(Body.self, from: $0.body).data.number }
}
