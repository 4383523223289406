import BrokerConformance
import Foundation
import Logging
import Metrics
import Synchronization
import Testing
import Tracing
import WarrenTesting

@testable import Warren

/// What is recorded, compared with the list of OpenTelemetry's conventions for messaging, 1.44.0, of an engine that is RabbitMQ and of
/// one that is not. A name that is not in the list fails, and one of the list that should be there and is not.
@Suite struct ConventionsTests {
  @Test(arguments: [Engine.rabbitMQ, .own]) func spansAreTheirs(engine: Engine) async throws {
    let told = try await Told.recording(engine)
    for span in told.spans {
      let operation = try #require(
        span.text("messaging.operation.name").flatMap { name in Self.operations.first { $0.name == name } },
        "\(span.name)")
      #expect(span.name == "\(operation.name) \(span.text("messaging.destination.name") ?? "")")
      #expect(span.text("messaging.operation.type") == operation.type && operation.kinds.contains(span.kind))
      #expect(span.text("messaging.system") == engine.system)
      for name in span.attributes.keys {
        let known = Self.attributes.first { $0.name == name }
        #expect(known?.operations.contains(operation.type) == true, "\(span.name) has '\(name)'")
        #expect(known?.isOnlyOfRabbitMQ != true || engine == .rabbitMQ, "\(span.name) has '\(name)'")
      }
      for attribute in Self.attributes where attribute.need == .always {
        #expect(span.attributes[attribute.name] != nil, "\(span.name) has no '\(attribute.name)'")
      }
      #expect((span.attributes["error.type"] != nil) == span.isError, "\(span.name)")
    }
    for operation in Self.operations {
      let spans = told.spans.filter { $0.text("messaging.operation.name") == operation.name }
      #expect(Set(spans.map(\.kind)) == operation.kinds, "\(operation.name)")
      for attribute in Self.attributes where attribute.operations.contains(operation.type) {
        let isSeen = spans.contains { $0.attributes[attribute.name] != nil }
        let isExpected =
          attribute.need != .unknown && (!attribute.isOnlyOfRabbitMQ || engine == .rabbitMQ)
          && !attribute.notHere.contains(operation.type)
        #expect(isSeen == isExpected, "\(operation.name): '\(attribute.name)'")
      }
    }
  }

  @Test func destinationsAreWrittenAsTheyWriteThem() async throws {
    let names = Set(try await Told.recording(.rabbitMQ).spans.map(\.name))
    #expect(
      names == [
        "publish things:thing.made", "publish things", "publish things.jobs", "process things:thing.made:things.seen",
        "process things.jobs", "settle things:thing.made:things.seen", "settle things.jobs", "publish nowhere",
      ])
    #expect(Conventions.destination("", "") == "amq.default")
  }

  @Test func aHandlerThatDecidesHasNotFailed() async throws {
    let told = try await Told.recording(.own)
    let decided = told.spans.filter { $0.text("messaging.message.id") == "postponed" && $0.kind == .consumer }
    #expect(!decided.isEmpty && decided.allSatisfy { !$0.isError })
    let failed = told.spans.filter { $0.text("messaging.message.id") == "fails" && $0.kind == .consumer }
    #expect(failed.map { $0.text("error.type") } == ["Oops", "Oops"])
  }

  @Test func whatWasMadeBeforeIsLinkedAndKeepsItsTrace() async throws {
    let told = try await Told.recording(.own)
    let relayed = try #require(told.spans.first { $0.kind == .client && $0.name.hasPrefix("publish") })
    #expect(relayed.links == ["made1", "made2"])
    let handled = told.spans.filter { $0.text("messaging.message.id") == "made" && $0.kind == .consumer }
    #expect(handled.map(\.parent) == ["made1"])
    // Not in a trace, nothing is linked.
    #expect(handled.allSatisfy { $0.links.isEmpty })
  }

  @Test func aWorkerInATraceOfItsOwnLinksIt() async throws {
    var context = ServiceContext.topLevel
    context[RecordingTracer.SpanIDKey.self] = "ambient"
    let told = try await ServiceContext.$current.withValue(context) { try await Told.recording(.own) }
    let handled = told.spans.filter { $0.text("messaging.message.id") == "made" && $0.kind == .consumer }
    #expect(handled.map(\.parent) == ["made1"])
    #expect(handled.map(\.links) == [["ambient"]])
  }

  @Test func withoutATracerTheHeadersOfATracePassAsTheyAre() throws {
    let headers = ["traceparent": "00-0af7-b7ad-01", "tracestate": "a=1", "baggage": "user=7", "other": "x"]
    let cause = MessageContext(
      message: Message(id: "cause", name: "x", body: Data(), headers: headers), queue: "q", attempt: 1)
    let composer = MessageComposer(source: "test", exchange: "things")
    let passed = try MessageContext.$current.withValue(cause) { try composer.publication(of: Made()).message.headers }
    #expect(passed == headers.filter { $0.key != "other" })
    // A trace of the publisher's own is not mixed with that of the cause.
    let own = try MessageContext.$current.withValue(cause) {
      try composer.publication(of: Made(), headers: ["traceparent": "own"]).message.headers
    }
    #expect(own == ["traceparent": "own"])
  }

  @Test func metricsAreTheirs() async throws {
    let told = try await Told.recording(.rabbitMQ)
    for (label, kinds) in told.metrics.kinds where !label.hasPrefix("warren_") {
      let metric = try #require(Self.metrics.first { $0.name == label }, "'\(label)' is none of theirs")
      #expect(kinds == [metric.kind], "\(label)")
    }
    for metric in Self.metrics {
      let series = told.metrics.labels.filter { $0.hasPrefix(metric.name + "|") }
      #expect(!series.isEmpty, "'\(metric.name)' is missing")
      for one in series {
        let names = one.split(separator: "|").dropFirst().compactMap { $0.split(separator: "=").first.map(String.init) }
        #expect(Set(names).subtracting(metric.dimensions) == [], "\(one)")
        #expect(Set(Self.always).subtracting(names) == [], "\(one)")
        if metric.dimensions.contains("messaging.operation.type") {
          #expect(names.contains("messaging.operation.type"), "\(one)")
        }
        #expect(one.contains("messaging.system=rabbitmq"))
      }
    }
    // Routing keys are without bound, so no series has one.
    #expect(!told.metrics.labels.contains { $0.contains("thing.made") && $0.hasPrefix("messaging.") })
    #expect(told.metrics.value("messaging.client.sent.messages", ["error.type": "full"]) == 1)
    #expect(told.metrics.value("messaging.process.duration", ["error.type": "Oops"]) != nil)
    #expect(told.metrics.value("messaging.client.consumed.messages", [:]) == Double(told.deliveries))
  }

  @Test func eventsInTheLogAreTheirs() async throws {
    let told = try await Told.recording(.own)
    let events = told.lines.filter { $0["event.name"] != nil }
    #expect(Set(events.compactMap { $0["event.name"]?.description }).subtracting(Self.events) == [])
    let failed = events.filter { $0["event.name"] == "messaging.process.exception" }
    #expect(failed.count == 2, "a retry and a dead letter")
    for line in failed {
      #expect(line["exception.type"] == "Oops" && line["exception.message"] != nil)
      #expect(line["message.id"] == "fails")
    }
    for line in told.lines where line["event.name"] == nil {
      #expect(line["exception.type"] == nil && line["exception.message"] == nil)
    }
  }

  // MARK: The list

  private struct Operation {
    var name: String
    var type: String
    var kinds: Set<SpanKind>
  }
  /// Nothing is pulled, so there is no `receive`; what an outbox holds is made in the trace of its caller, without a span `create`.
  private static let operations = [
    Operation(name: "publish", type: "send", kinds: [.producer, .client]),
    Operation(name: "process", type: "process", kinds: [.consumer]),
    Operation(name: "settle", type: "settle", kinds: [.client]),
  ]

  private enum Need { case always, sometimes, unknown }
  private struct Attribute {
    var name: String
    var need: Need
    var operations: Set<String> = ["send", "process", "settle"]
    var isOnlyOfRabbitMQ = false
    /// Where the list has it and the condition for it never holds here: only what is published comes in batches, and the test has no
    /// settlement that fails.
    var notHere: Set<String> = []
  }
  /// Each attribute of the list. `unknown`: Warren's core cannot know it, or it never holds; so nothing may call itself so.
  private static let attributes = [
    Attribute(name: "messaging.system", need: .always),
    Attribute(name: "messaging.destination.name", need: .always),
    Attribute(name: "messaging.operation.name", need: .always),
    Attribute(name: "messaging.operation.type", need: .always),
    Attribute(name: "error.type", need: .sometimes, notHere: ["settle"]),
    Attribute(name: "messaging.batch.message_count", need: .sometimes, notHere: ["process", "settle"]),
    Attribute(
      name: "messaging.rabbitmq.destination.routing_key", need: .sometimes, operations: ["send", "process"],
      isOnlyOfRabbitMQ: true),
    Attribute(name: "messaging.message.conversation_id", need: .sometimes),
    Attribute(name: "messaging.message.id", need: .sometimes),
    Attribute(name: "messaging.destination.anonymous", need: .unknown, operations: ["send", "process"]),
    Attribute(name: "messaging.destination.temporary", need: .unknown, operations: ["send", "process"]),
    Attribute(name: "messaging.destination.template", need: .unknown),
    Attribute(name: "messaging.rabbitmq.message.delivery_tag", need: .unknown, operations: ["process", "settle"]),
    Attribute(name: "messaging.client.id", need: .unknown),
    Attribute(name: "messaging.destination.partition.id", need: .unknown),
    Attribute(name: "network.peer.address", need: .unknown, operations: ["send", "settle"]),
    Attribute(name: "network.peer.port", need: .unknown, operations: ["send", "settle"]),
    Attribute(name: "server.address", need: .unknown),
    Attribute(name: "server.port", need: .unknown),
    Attribute(name: "messaging.message.body.size", need: .unknown, operations: ["send", "process"]),
    Attribute(name: "messaging.message.envelope.size", need: .unknown, operations: ["send", "process"]),
  ]

  private struct Metric {
    var name: String
    var kind: CountingMetrics.Kind
    var dimensions: Set<String> = Set(always + often)
  }
  private static let always = ["messaging.operation.name", "messaging.system"]
  private static let often = [
    "error.type", "messaging.consumer.group.name", "messaging.destination.name",
    "messaging.destination.subscription.name", "messaging.destination.template", "server.address",
    "messaging.destination.partition.id", "server.port",
  ]
  private static let metrics = [
    Metric(
      name: "messaging.client.operation.duration", kind: .timer,
      dimensions: Set(always + often + ["messaging.operation.type"])),
    Metric(name: "messaging.process.duration", kind: .timer),
    Metric(name: "messaging.client.sent.messages", kind: .counter),
    Metric(name: "messaging.client.consumed.messages", kind: .counter),
  ]
  private static let events: Set<String> = [
    "messaging.create.exception", "messaging.send.exception", "messaging.receive.exception",
    "messaging.settle.exception", "messaging.process.exception",
  ]
}

/// An engine by the name that it calls itself.
enum Engine: String, Sendable {
  case rabbitMQ = "RabbitMQ 4.3.5"
  case own = "SQLite 3.40.1"
  var system: String { self == .rabbitMQ ? "rabbitmq" : "warren.sqlite" }
}

private struct Oops: Error {}

private struct Made: EventMessage {
  static let name: MessageName = "thing.made"
  var number = 1
}

private struct Work: JobMessage {
  static let name: MessageName = "thing.work"
  static let queue: Queue = "things.jobs"
  static let retry: RetryPolicy = .fixed([.zero])
  var what: String
}

/// What a bus and a worker told while they did everything that they do.
private struct Told {
  var spans: [RecordingTracer.Record]
  var metrics: CountingMetrics
  var lines: [Logger.Metadata]
  /// How often something was handed out.
  var deliveries: Int

  static func recording(_ engine: Engine) async throws -> Told {
    let (tracer, metrics, lines) = (RecordingTracer(), CountingMetrics(), Lines())
    let base = try TestBroker()
    try await withMetricsFactory(metrics) {
      try await MessageTrace.$own.withValue(tracer) {
        try await work(base, NamedBroker(base: base, engine: engine.rawValue), lines)
      }
    }
    let deliveries = tracer.spans.filter { $0.name.hasPrefix("settle") }.count
    return Told(spans: tracer.spans, metrics: metrics, lines: lines.all, deliveries: deliveries)
  }

  private static func work(_ base: TestBroker, _ broker: NamedBroker, _ lines: Lines) async throws {
    let isPostponed = Counter()
    let worker = try Worker(broker, name: "w", logger: Logger(label: "told") { _ in MetadataLines(lines: lines) }) {
      Subscription("things.seen", on: "things", to: "thing.*") {
        On(Made.self) { _, _ in }
      }
      On(Work.self) { work, _ in
        if work.what == "fails" { throw Oops() }
        if work.what == "postponed", isPostponed.enter() == 1 { throw Outcome.postpone(for: .milliseconds(1)) }
      }
    }
    try await base.working(worker) {
      let bus = EventBus(broker, exchange: .topic("things"), source: "test")
      let chained = MessageContext(
        message: Message(id: "cause", name: "x", body: Data(), correlationID: "chain"), queue: "q", attempt: 1)
      try await MessageContext.$current.withValue(chained) { _ = try await bus.publish(Made(), id: "one") }
      _ = try await bus.publish([Made(), Made()])
      for what in ["done", "fails", "postponed"] { try await bus.enqueue(Work(what: what), id: MessageID(what)) }
      var made = [
        try bus.publication(of: Made(), id: "made"),
        try bus.publication(of: JobRequest(Work(what: "relayed"), id: "relayed")),
      ]
      for index in made.indices {
        made[index].message.headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-made\(index + 1)-01"
      }
      _ = try await bus.publish(made)
      // Nothing is there.
      _ = try await EventBus(broker, source: "test").publish([
        Publication(Message(id: "lost", name: "x", body: Data()), to: .queue("nowhere"))
      ])
      base.inject(.publishFails(.full))
      _ = try? await bus.publish(Made(), id: "failed")
      try await base.runUntilIdle()
      #expect(try await base.reason(of: "fails")?.kind == .exhausted)
    }
  }
}

private final class Lines: Sendable {
  private let state = Mutex<[Logger.Metadata]>([])
  var all: [Logger.Metadata] { state.withLock { $0 } }
  func add(_ line: Logger.Metadata) { state.withLock { $0.append(line) } }
}

private struct MetadataLines: LogHandler {
  let lines: Lines
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info
  init(lines: Lines) { self.lines = lines }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) { lines.add(metadata.merging(event.metadata ?? [:]) { $1 }) }
}

/// A broker that says it is another engine.
private struct NamedBroker: ForwardingBroker {
  let base: TestBroker
  let engine: String
  var capabilities: BrokerCapabilities {
    var capabilities = base.capabilities
    capabilities.engine = engine
    return capabilities
  }
}

extension RecordingTracer.Record {
  func text(_ attribute: String) -> String? {
    if case .string(let text) = attributes[attribute] { text } else { nil }
  }
}
