import BrokerConformance
import Foundation
import Logging
import Metrics
import Synchronization
import Testing
import Tracing
import WarrenSQLite
import WarrenTesting

@testable import Warren

private struct Thing: EventMessage {
  static let name: MessageName = "watched.thing"
  var number: Int
}
private struct Job: JobMessage {
  static let name: MessageName = "watched.job"
  static let queue: Queue = "watched.jobs"
  static let retry: RetryPolicy = .fixed([.zero])
  var fails: Bool
}
private struct Oops: Error {}

/// What Warren tells swift-log, swift-metrics and swift-distributed-tracing. Each test has metrics and a
/// tracer of its own.
@Suite struct ObservabilityTests {

  private func running(
    logger: Logger = quiet, middleware: [any Middleware] = [],
    _ components: @escaping @Sendable () -> [WorkerComponent],
    _ body: @escaping @Sendable (EventBus, Worker) async throws -> Void
  ) async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      var options = Worker.Options()
      options.unknownNamePatience = .zero
      options.middleware = middleware
      let worker = try Worker(broker, name: "w", options: options, logger: logger) { components() }
      try await broker.apply(worker.topology)
      let bus = EventBus(broker, exchange: worker.topology.exchanges.first, source: "s", middleware: middleware)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await body(bus, worker)
        group.cancelAll()
      }
    }
  }

  @Test func countersSayWhatHappenedByBoundedNames() async throws {
    let metrics = CountingMetrics()
    try await withMetricsFactory(metrics) { try await countersSayWhatHappened(metrics) }
  }

  @Test func anOutcomeThatIsRefusedIsToldAndCounted() async throws {
    let metrics = CountingMetrics()
    let begun = Log<Int>()
    let isOver = Watched(false)
    let lines = Log<String>()
    let handler: @Sendable () -> WarningLines = { WarningLines(lines: lines) }
    try await withMetricsFactory(metrics) {
      let broker = try TestBroker()
      let worker = try Worker(broker, name: "w", logger: Logger(label: "t") { _ in handler() }) {
        On(Job.self) { _, context in
          begun.add(context.attempt)
          await isOver.wait { $0 }
          try Task.checkCancellation()
        }
      }
      try await broker.working(worker) {
        let bus = EventBus(broker, source: "s", topology: worker.topology)
        try await bus.enqueue(Job(fails: false))
        _ = try await begun.next()
        // Others take this worker for gone while its handler runs.
        #expect(try await broker.killWorker() == 1)
        _ = try await begun.next()
        isOver.withValue { $0 = true }
        try await metrics.wait("warren_handled_total", ["outcome": "stale"], 1)
        try await metrics.wait("warren_handled_total", ["outcome": "complete"], 1)
        #expect(try await lines.next().contains("Outcome refused"))
      }
    }
  }

  @Test func aHandlerThatDoesNotListenIsCountedUntilItEnds() async throws {
    let metrics = CountingMetrics()
    let begun = Log<Int>()
    let isOver = Watched(false)
    let lines = Log<String>()
    try await withMetricsFactory(metrics) {
      let broker = try TestBroker()
      let worker = try Worker(broker, name: "w", logger: Logger(label: "t") { _ in WarningLines(lines: lines) }) {
        On(Job.self) { _, context in
          begun.add(context.attempt)
          // A task of its own is not cancelled with the handler.
          await Task { await isOver.wait { $0 } }.value
        }.timeout(.seconds(30))
      }
      try await broker.working(worker) {
        try await EventBus(broker, source: "s", topology: worker.topology).enqueue(Job(fails: false))
        _ = try await begun.next()
        #expect(metrics.value("warren_handlers_stuck", ["queue": "watched.jobs"]) ?? 0 == 0)
        broker.advance(by: .seconds(30))
        let name = ["queue": "watched.jobs", "name": "watched.job"]
        try await metrics.wait("warren_handlers_stuck", name, 1)
        try await metrics.wait("warren_timeouts_total", name, 1)
        #expect(try await lines.next() == "The handler takes longer than it may, and was cancelled")
        isOver.withValue { $0 = true }
        try await metrics.wait("warren_handlers_stuck", name, 0)
        try await metrics.wait("warren_handled_total", ["outcome": "complete"], 1)
      }
    }
  }

  private func countersSayWhatHappened(_ metrics: CountingMetrics) async throws {
    let seen = Log<Bool>()
    try await running {
      WorkerBuilder.buildExpression(
        On(Job.self) { job, _ in
          seen.add(job.fails)
          if job.fails { throw Oops() }
        })
    } _: { bus, _ in
      try await bus.enqueue(Job(fails: false))
      try await bus.enqueue(Job(fails: true))
      _ = try await seen.next(3)
      var strange = Publication(
        Message(id: .unique(), name: "stranger.7423", body: Data("{}".utf8)), to: .queue(Job.queue.name))
      strange.message.timestamp = Date()
      _ = try await bus.broker.publish([strange])
      _ = try await bus.enqueue(Job(fails: false))
      _ = try await seen.next()
      try await metrics.wait(
        "warren_handled_total", ["queue": "watched.jobs", "name": "other", "outcome": "dead-letter"], 1)
      try await metrics.wait("warren_handled_total", ["name": "watched.job", "outcome": "complete"], 2)
    }
    #expect(metrics.value("warren_handled_total", ["name": "watched.job", "outcome": "retry"]) == 1)
    #expect(metrics.value("warren_handled_total", ["name": "watched.job", "outcome": "dead-letter"]) == 1)
    #expect(
      metrics.value("warren_retries_total", ["name": "watched.job", "queue": "watched.jobs", "reason": "Oops"]) == 1)
    #expect(metrics.value("warren_dead_lettered_total", ["name": "watched.job", "reason": "exhausted"]) == 1)
    #expect(metrics.value("warren_dead_lettered_total", ["name": "other", "reason": "unknown-name"]) == 1)
    #expect(metrics.value("warren_failures_total", ["name": "watched.job"]) == 2)
    #expect(metrics.value("warren_published_total", ["name": "watched.job", "result": "stored"]) == 3)
    let names = Set(metrics.labels.flatMap { $0.split(separator: "|") }.filter { $0.hasPrefix("name=") })
    #expect(names == ["name=watched.job", "name=other"])
  }

  @Test func latenessCountsFromWhenAMessageCouldHaveBeenHandled() async throws {
    let metrics = CountingMetrics()
    let seen = Log<Int>()
    try await withMetricsFactory(metrics) {
      let broker = try TestBroker(clock: VirtualClock(now: Date(timeIntervalSince1970: 1_800_000_000)))
      let worker = try Worker(broker, name: "w", logger: quiet) {
        On(Job.self) { job, context in
          seen.add(context.attempt)
          if job.fails { throw Oops() }
        }
      }
      let bus = EventBus(broker, source: "s")
      @Sendable func late(_ wanted: Double?) {
        #expect(metrics.value("warren_lateness_seconds", [:]) == wanted.map { $0 * 1e9 })
      }
      try await broker.withBroker { broker in
        try await broker.apply(worker.topology)
        try await bus.enqueue(Job(fails: false), after: .seconds(3600))
        // It is due, and then there is no worker for 7 s.
        broker.advance(by: .seconds(3607))
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await worker.run() }
          #expect(try await seen.next() == 1)
          late(7)
          // A retry is not late by its first attempt.
          try await bus.enqueue(Job(fails: true))
          #expect(try await seen.next(2) == [1, 2])
          late(0)
          group.cancelAll()
        }
      }
    }
  }

  @Test func gaugesSayWhatIsThere() async throws {
    let metrics = CountingMetrics()
    try await withMetricsFactory(metrics) { try await gaugesSayWhatIsThere(metrics) }
  }

  private func gaugesSayWhatIsThere(_ metrics: CountingMetrics) async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: ["gauged"]))
      let message = Message(id: .unique(), name: "x", body: Data(), timestamp: Date().addingTimeInterval(-90))
      _ = try await broker.publish([Publication(message, to: .queue("gauged"))])
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await BrokerGauges(broker).run() }
        try await metrics.wait("warren_queue_depth", ["queue": "gauged", "state": "ready"], 1)
        try await metrics.wait("warren_dead_letters", ["queue": "gauged.dlq"], 0)
        #expect(metrics.value("warren_connection_up", [:]) == 1)
        #expect(metrics.value("warren_queue_consumers", ["queue": "gauged"]) == 0)
        #expect(metrics.value("warren_queue_oldest_seconds", ["queue": "gauged"]) ?? 0 >= 90)
        group.cancelAll()
      }
    }
  }

  /// Each of three processes has gauges; what they tell of a queue can be added up.
  @Test func oneProcessOfAllTellsOfTheQueues() async throws {
    let broker = try TestBroker()
    let processes = (0..<3).map { _ in CountingMetrics() }
    @Sendable func told() -> [Int] {
      processes.indices.filter {
        processes[$0].value("warren_queue_depth", ["queue": "gauged", "state": "ready"]) == 1
      }
    }
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: ["gauged"]))
      _ = try await broker.publish([Publication(Message(id: "1", name: "x", body: Data()), to: .queue("gauged"))])
      let services = processes.map { metrics in
        Task { try await withMetricsFactory(metrics) { try await BrokerGauges(broker).run() } }
      }
      defer { for service in services { service.cancel() } }
      for metrics in processes { try await metrics.wait("warren_connection_up", [:], 1) }
      try await broker.wait(for: "one tells") { told().count == 1 }
      let first = told()[0]
      services[first].cancel()
      _ = await services[first].result
      #expect(processes[first].value("warren_queue_depth", [:]) == nil, "its gauges are withdrawn")
      try await broker.wait(for: "another follows") { told().count == 1 && told()[0] != first }
      // A queue that is gone is not told of any more.
      let second = told()[0]
      _ = try await broker.deleteQueue("gauged", withMessages: true)
      broker.advance(by: .seconds(10))
      try await broker.wait(for: "it is gone") {
        processes[second].value("warren_queue_depth", ["queue": "gauged"]) == nil
      }
      #expect(processes[second].value("warren_connection_up", [:]) == 1)
    }
  }

  @Test func aTraceGoesFromPublisherToConsumerAndOn() async throws {
    let tracer = RecordingTracer()
    try await MessageTrace.$own.withValue(tracer) { try await aTraceGoesOn(tracer) }
  }

  private func aTraceGoesOn(_ tracer: RecordingTracer) async throws {
    let seen = Log<String?>()
    try await running {
      WorkerBuilder.buildExpression(
        Subscription("traced", on: "traces") {
          On(Thing.self) { _, context in seen.add(context.message.headers["traceparent"]) }
        })
    } _: { bus, _ in
      try await bus.publish(Thing(number: 1))
      let header = try await seen.next()
      #expect(header?.hasPrefix("00-") == true)
      try await tracer.wait(for: "process traces:watched.thing:traced")
    }
    let publish = try #require(tracer.spans.first { $0.name == "publish traces:watched.thing" })
    let process = try #require(tracer.spans.first { $0.name == "process traces:watched.thing:traced" })
    #expect(publish.kind == .producer)
    #expect(process.kind == .consumer)
    #expect(process.parent == publish.id)
  }

  @Test func linesCarryTheMessage() async throws {
    let lines = Log<Logger.Metadata>()
    let logger = Logger(label: "lines") { _ in LineHandler(lines: lines) }
    try await running(logger: logger) {
      WorkerBuilder.buildExpression(
        On(Job.self) { _, context in context.logger.info("in the handler") })
    } _: { bus, _ in
      try await bus.enqueue(Job(fails: false), id: "job-1")
      let metadata = try await lines.next()
      #expect(metadata["message.id"] == "job-1")
      #expect(metadata["message.name"] == "watched.job")
      #expect(metadata["queue"] == "watched.jobs")
      #expect(metadata["attempt"] == "1")
    }
  }

  @Test func middlewareWrapsBothWaysLikeAnOnion() async throws {
    let seen = Log<String>()
    let delivered = Log<String>()
    try await running(middleware: [Mark("a", seen), Mark("b", seen)]) {
      WorkerBuilder.buildExpression(
        On(Job.self) { _, context in delivered.add(context.message.headers["trail"] ?? "") })
    } _: { bus, _ in
      try await bus.enqueue(Job(fails: false))
      #expect(try await delivered.next() == "ab")
      #expect(try await seen.next(2) == ["b", "a"])
    }
  }

  private struct Mark: Middleware {
    let name: String
    let seen: Log<String>
    init(_ name: String, _ seen: Log<String>) { (self.name, self.seen) = (name, seen) }
    func publishing(_ publication: inout Publication) throws {
      publication.message.headers["trail", default: ""] += name
    }
    func handling(_ delivery: Delivery, next: @Sendable (Delivery) async throws -> Void) async throws {
      seen.add(name)
      try await next(delivery)
    }
  }
}

private struct WarningLines: LogHandler {
  let lines: Log<String>
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .warning
  init(lines: Log<String>) { self.lines = lines }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) { lines.add(event.message.description) }
}

private let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

private struct LineHandler: LogHandler {
  let lines: Log<Logger.Metadata>
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info
  init(lines: Log<Logger.Metadata>) { self.lines = lines }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) {
    if event.message.description == "in the handler" { lines.add(metadata.merging(event.metadata ?? [:]) { $1 }) }
  }
}
