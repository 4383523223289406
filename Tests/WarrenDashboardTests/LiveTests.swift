import BrokerConformance
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization
import Testing
import Warren
import WarrenOperations
import WarrenTesting

@testable import WarrenDashboard

/// What is asked of a broker, counted by what it is.
final class Asked: Sendable {
  private let counts = Mutex<[String: Int]>([:])
  func note(_ what: String) { counts.withLock { $0[what, default: 0] += 1 } }
  var all: [String: Int] { counts.withLock { $0 } }
}

/// Counts what it is asked.
struct CountingBroker: ForwardingBroker, InspectableBroker, BulkOperatingBroker, StateStore, SampleStore {
  let base: TestBroker
  var asked = Asked()
  /// Dead letters are told when it is open.
  var gate: Watched<Bool>?

  func queues() async throws(BrokerError) -> [QueueStatus] {
    asked.note("queues")
    return try await base.queues()
  }
  func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    asked.note("queue")
    return try await base.queue(name)
  }
  func workers() async throws(BrokerError) -> [WorkerStatus] {
    asked.note("workers")
    return try await base.workers()
  }
  func diagnose() async throws(BrokerError) -> [Finding] {
    asked.note("diagnose")
    return try await base.diagnose()
  }
  func glance() async throws(BrokerError) -> [Finding] {
    asked.note("glance")
    return try await base.glance()
  }
  func topology() async throws(BrokerError) -> Topology {
    asked.note("topology")
    return try await base.topology()
  }
  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    asked.note("dead letters")
    await gate?.wait { $0 }
    return try await base.deadLetters(selection)
  }
  func bulkOperations(limit: Int) async throws(BrokerError) -> [BulkOperation] {
    asked.note("operations")
    return try await base.bulkOperations(limit: limit)
  }
  func bulkOperation(_ id: String) async throws(BrokerError) -> BulkOperation? {
    asked.note("operation")
    return try await base.bulkOperation(id)
  }
  func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord? {
    asked.note("record")
    return try await base.record(key)
  }
  func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord] {
    asked.note("records")
    return try await base.records(of: kind)
  }
  func samples(of queue: QueueName?) async throws(BrokerError) -> [QueueSample] {
    asked.note("samples")
    return try await base.samples(of: queue)
  }
}

/// A viewer: what is written to it, which it takes only when it is let.
private struct Viewer: ResponseBodyWriter {
  let written: Watched<Int>
  /// After so many writes it takes no more.
  let patience: Int

  func write(_ buffer: ByteBuffer) async throws {
    written.withValue { $0 += 1 }
    if written.value >= patience {
      // As a connection does whose other end reads nothing.
      await Watched(false).wait { $0 }
      throw CancellationError()
    }
  }
  func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

@Suite("Pages that are kept up to date") struct LiveTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  /// Each page that a stream can keep up to date, and its fields.
  static let pages = [
    "": "", "queues": "", "queue": "name=mail", "workers": "", "operations": "", "operation": "id=op", "schedules": "",
    "outbox": "",
  ]

  private func stage(_ body: @Sendable (CountingBroker, Desk) async throws -> Void) async throws {
    let broker = try TestBroker()
    try await broker.withBroker { broker in
      try await broker.apply(try Topology(exchanges: [], queues: ["mail"], bindings: []))
      try await broker.keep(
        BulkOperation(
          id: "op", action: .replay, selection: DeadLetterSelection(), filter: "", actor: "ann", runner: "a",
          started: broker.clock.now, total: 1))
      let counting = CountingBroker(base: broker)
      // However long the test takes, one look is as good as the next.
      let desk = Desk(Operations(counting), .init(), logger: logger, interval: .seconds(3_600))
      try await body(counting, desk)
    }
  }

  private func stream(_ desk: Desk, _ path: String, _ fields: String) throws -> LiveStream {
    let call = Call(
      desk: desk, visitor: .init(name: "ann", role: .admin), prefix: "", path: "stream",
      fields: FormFields("page=\(path)&\(fields)"), token: "", nonce: "", now: desk.now)
    return LiveStream(
      page: LivePage(call: call, render: try RouteTable.livePage(call)), limit: StreamLimit(most: 1), logger: logger)
  }

  @Test("two hundred streams ask the broker what one asks", arguments: pages.keys.sorted()) func sharing(_ path: String)
    async throws
  {
    let fields = Self.pages[path] ?? ""
    func asked(by count: Int) async throws -> [String: Int] {
      let result = Mutex<[String: Int]>([:])
      try await stage { broker, desk in
        let streams = try (0..<count).map { _ in try stream(desk, path, fields) }
        await withTaskGroup(of: Void.self) { group in
          for stream in streams {
            group.addTask {
              var sent: [String: HTML] = [:]
              for _ in 0..<3 {
                let text = await stream.changes(&sent)
                #expect(text?.contains("event: time") == true)
              }
            }
          }
        }
        result.withLock { $0 = broker.asked.all }
      }
      return result.withLock { $0 }
    }
    let one = try await asked(by: 1)
    #expect(try await asked(by: 200) == one)
  }

  @Test("a viewer that reads nothing costs the one event that it was sent") func stalled() async throws {
    try await stage { _, desk in
      let (slow, quick) = (Watched(0), Watched(0))
      let (slowLooks, quickLooks) = (Asked(), Asked())
      func watch(_ written: Watched<Int>, _ looks: Asked, patience: Int) throws -> Task<Void, any Error> {
        var stream = try stream(desk, "", "")
        let render = stream.page.render
        stream = LiveStream(
          page: LivePage(call: stream.page.call) { call in
            looks.note("page")
            return try await render(call)
          }, limit: StreamLimit(most: 1), logger: logger, interval: .zero)
        let body = stream.body
        return Task { try await body.write(Viewer(written: written, patience: patience)) }
      }
      let stalled = try watch(slow, slowLooks, patience: 2)
      await slow.wait { $0 == 2 }
      let reader = try watch(quick, quickLooks, patience: 200)
      // The other one has been sent two hundred events, and the first still waits with its first.
      await quick.wait { $0 == 200 }
      #expect(slow.value == 2 && slowLooks.all == ["page": 1] && (quickLooks.all["page"] ?? 0) >= 199)
      for task in [stalled, reader] {
        task.cancel()
        _ = await task.result
      }
    }
  }
}
