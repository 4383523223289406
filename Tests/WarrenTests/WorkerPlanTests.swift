import Foundation
import Testing

@testable import Warren

private struct Mail: JobMessage {
  static let name: MessageName = "EMAIL"
  static let queue: Queue = "email_queue"
}
private struct Code: JobMessage {
  static let name: MessageName = "OTP"
  static let queue: Queue = "email_queue"
}
private struct Created: EventMessage { static let name: MessageName = "booking.created" }

/// An engine that nothing reaches: a worker's plan is made without one.
private struct NoBroker: Broker {
  var capabilities: BrokerCapabilities {
    .init(engine: "none", ordersByPriority: false, showsWaitingMessages: false, largestBody: 0)
  }
  func apply(_ topology: Topology) async throws(BrokerError) { throw BrokerError(.unavailable, "none") }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    throw BrokerError(.unavailable, "none")
  }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { throw BrokerError(.unavailable, "none") }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    throw BrokerError(.unavailable, "none")
  }
  func run() async throws {}
}

@Suite struct WorkerPlanTests {
  @Test func aWorkerKnowsItsTopology() throws {
    let worker = try Worker(NoBroker(), name: "w") {
      Subscription("notification.booking", on: "tutorgo_events", to: "booking.*", "payment.completed") {
        On(Created.self) { _, _ in }
      }
      .deadLetter(.exchange("tutorgo_dlx", key: "notification.booking.dead"))
      On(Mail.self) { _, _ in }.concurrency(3)
      On(Code.self) { _, _ in }
    }
    let topology = worker.topology
    #expect(topology.exchanges == [.topic("tutorgo_events"), .direct("tutorgo_dlx")])
    #expect(
      topology.queues.map(\.name) == [
        "notification.booking", "notification.booking.dead", "email_queue", "email_queue.dlq",
      ])
    #expect(
      Set(topology.bindings) == [
        Binding("notification.booking", to: "tutorgo_events", key: "booking.*"),
        Binding("notification.booking", to: "tutorgo_events", key: "payment.completed"),
        Binding("notification.booking.dead", to: "tutorgo_dlx", key: "notification.booking.dead"),
      ])
  }

  @Test func whatContradictsItselfIsRefused() {
    func code(@WorkerBuilder _ components: () -> [WorkerComponent]) -> BrokerError.Code? {
      do {
        _ = try Worker(NoBroker(), name: "w", components)
        return nil
      } catch { return error.code }
    }
    #expect(code { On(Mail.self) { _, _ in }.concurrency(0) } == .invalid)
    #expect(code { On(Mail.self) { _, _ in }.prefetch(70_000) } == .invalid)
    #expect(
      code {
        On(Mail.self) { _, _ in }
        On(Mail.self) { _, _ in }
      } == .invalid)
    #expect(
      code {
        On(Mail.self) { _, _ in }.concurrency(2)
        On(Code.self) { _, _ in }.concurrency(3)
      } == .invalid)
    #expect(code { Subscription("q", on: "e") {} } == .invalid)
    #expect(code { Subscription("", on: "e") { On(Created.self) { _, _ in } } } == .invalid)
    #expect(code { Subscription("q", on: "e") { On(Created.self) { _, _ in } }.deadLetter(.queue("q")) } == .invalid)
    #expect(
      code {
        Subscription("q", on: .topic("e")) { On(Created.self) { _, _ in } }
        Subscription("r", on: .fanout("e")) { On(Created.self) { _, _ in } }
      } == .topologyConflict)
  }

  @Test func slotsAndWindowFollowFromConcurrencyAndPrefetch() {
    #expect((QueueSettings().slots, QueueSettings().window) == (10, 20))
    #expect((QueueSettings(prefetch: 5).slots, QueueSettings(prefetch: 5).window) == (5, 5))
    #expect((QueueSettings(concurrency: 100).slots, QueueSettings(concurrency: 100).window) == (100, 200))
  }

  @Test func publishingWithoutAnExchangeSaysWhatToDo() async {
    await #expect(throws: BrokerError.self) {
      try await EventBus(NoBroker(), source: "s").publish(Created())
    }
  }
}

@Suite struct ConsumerTests {
  private func delivery(_ number: Int64) -> Delivery {
    Delivery(
      message: Message(id: nil, name: nil, body: Data()), queue: "q", exchange: nil, routingKey: "", history: History(),
      isSuspect: false, token: .init(scope: 0, number: number, fence: 0))
  }

  @Test func handsOutInOrderToWhoWaitsAndWhoComes() async {
    let consumer = Consumer(queue: "q", prefetch: 3) {}
    consumer.hand([delivery(1), delivery(2)])
    #expect(await consumer.next()?.token.number == 1)
    async let second = consumer.next()
    async let third = consumer.next()
    consumer.hand([delivery(3)])
    let numbers = await [second, third].compactMap { $0?.token.number }
    #expect(numbers.sorted() == [2, 3])
  }

  @Test func stoppingEndsAllWhoWait() async {
    let consumer = Consumer(queue: "q", prefetch: 3) {}
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<5 { group.addTask { await consumer.next() == nil } }
      consumer.stop()
      for await isEnd in group { #expect(isEnd) }
    }
    consumer.hand([delivery(1)])
    #expect(await consumer.next() == nil)
  }

  @Test func cancellingAWaiterStopsTheConsumer() async {
    let consumer = Consumer(queue: "q", prefetch: 3) {}
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await consumer.next() == nil }
      group.cancelAll()
      for await isEnd in group { #expect(isEnd) }
    }
  }
}
