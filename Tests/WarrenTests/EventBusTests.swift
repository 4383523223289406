import Foundation
import Logging
import Synchronization
import Testing
import Warren
import WarrenTesting

private struct Placed: EventMessage {
  static let name: MessageName = "order.placed"
  var number: Int
}
private struct Mail: JobMessage {
  static let name: MessageName = "mail"
  static let queue: Queue = "mails"
}

/// Publishing before anything is declared, and what a publisher can say about one message.
@Suite struct EventBusTests {
  private func topology() throws -> Topology {
    try Topology(
      exchanges: ["shop"], queues: ["mails", "orders"], bindings: [Binding("orders", to: "shop", key: "order.*")])
  }

  @Test func nothingIsPublishedBeforeItsQueuesAreThere() async throws {
    let broker = try TestBroker()
    let bus = EventBus(broker, exchange: "shop", source: "test", topology: try topology())
    try await broker.withBroker { broker in
      try await withThrowingTaskGroup(of: Receipt.self) { group in
        for number in 0..<30 { group.addTask { try await bus.publish(Placed(number: number)) } }
        group.addTask { try await bus.enqueue(Mail()) }
        for try await receipt in group { #expect(receipt.isStored) }
      }
      let ready = try await broker.queues().map { ($0.name, $0.ready) }
      #expect(ready.first { $0.0 == "orders" }?.1 == 30)
    }
  }

  @Test func aTopologyThatCannotBeAppliedFailsTheMessageAndIsTriedAgain() async throws {
    let broker = try TestBroker()
    let bus = EventBus(broker, exchange: "shop", source: "test", topology: try topology())
    try await broker.withBroker { broker in
      try await broker.apply(Topology(exchanges: [.fanout("shop")]))
      let error = await #expect(throws: BrokerError.self) { try await bus.publish(Placed(number: 1), id: "mine") }
      #expect(error?.code == .topologyConflict)
      #expect(error?.messageIDs == ["mine"])
      await #expect(throws: BrokerError.self) { try await bus.applyTopology() }
    }
  }

  @Test func anEventThatReachedNoQueueIsWarnedOfOnceAKey() async throws {
    let broker = try TestBroker()
    let lines = Lines()
    let bus = EventBus(broker, exchange: "shop", source: "test", topology: try topology(), logger: lines.logger)
    try await broker.withBroker { broker in
      for number in 0..<20 { try await bus.publish(Placed(number: number), key: "orders.placed") }
      try await bus.publish(Placed(number: 1), key: "elsewhere")
      try await bus.publish(Placed(number: 1))
    }
    let warnings = lines.all.filter { $0.contains("reached no queue") }
    #expect(warnings.count == 2)
    #expect(warnings.first?.contains("orders.placed") == true)
  }

  @Test func aMessageCanHaveAPriorityAndATimeOfItsOwn() async throws {
    let broker = try TestBroker()
    let bus = EventBus(broker, exchange: "shop", source: "test", topology: try topology())
    try await broker.withBroker { broker in
      try await bus.publish(Placed(number: 1), priority: .high, timeToLive: .seconds(60))
      try await bus.enqueue(Mail(), priority: .high, timeToLive: .seconds(60))
    }
    for publication in broker.published {
      #expect(publication.message.priority == .high)
      #expect(publication.message.expiresAt == broker.clock.now.addingTimeInterval(60))
    }
    #expect(broker.published.count == 2)
  }

  private func code(_ publish: () async throws -> Receipt) async -> BrokerError.Code? {
    do { _ = try await publish() } catch { return (error as? BrokerError)?.code }
    return nil
  }

  @Test func whatCannotBeMeantIsRefused() async throws {
    let broker = try TestBroker()
    let bus = EventBus(broker, exchange: "shop", source: "test", topology: try topology())
    try await broker.withBroker { broker in
      #expect(await code { try await bus.enqueue(Mail(), after: .seconds(-1)) } == .invalid)
      #expect(await code { try await bus.enqueue(Mail(), timeToLive: .zero) } == .invalid)
      #expect(await code { try await bus.publish(Placed(number: 1), timeToLive: .seconds(-1)) } == .invalid)
      #expect(await code { try await bus.publish(Placed(number: 1), headers: ["warren-attempts": "1"]) } == .invalid)
      #expect(await code { try await bus.enqueue(Mail(), headers: ["warren-x": "1"]) } == .invalid)
      #expect(await code { try await bus.enqueue(Mail(), at: .distantPast) } == nil)
      // It would be over before its time comes.
      #expect(await code { try await bus.enqueue(Mail(), after: .seconds(60), timeToLive: .seconds(60)) } == .invalid)
      #expect(await code { try await bus.enqueue(Mail(), at: .distantFuture, timeToLive: .seconds(60)) } == .invalid)
      struct Meddling: Middleware {
        func publishing(_ publication: inout Publication) { publication.message.headers["warren-x"] = "1" }
      }
      let meddled = EventBus(broker, source: "test", middleware: [Meddling()])
      #expect(await code { try await meddled.enqueue(Mail()) } == .invalid)
    }
    #expect(broker.published.count == 1)
  }
}

/// Log lines with their metadata.
private final class Lines: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { [self] _ in Handler(lines: self) } }

  private struct Handler: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      lines.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }
  }
}
