import Foundation
import Testing
import WarrenTesting

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
private struct Paid: EventMessage { static let name: MessageName = "payment.completed" }
/// An event with a routing key for each seat.
private struct Taken: EventMessage {
  static let name: MessageName = "seat.taken"
  static let routingPattern: RoutingKey = "seats.*.taken"
  var seat: String
  var routingKey: RoutingKey { "seats.\(seat).taken" }
}

@Suite struct WorkerPlanTests {
  @Test func patternsMayComeAsAList() throws {
    func bindings(_ patterns: [RoutingKey]) throws -> [RoutingKey] {
      try Worker(TestBroker(), name: "w") {
        Subscription("q", on: "tutorgo_events", to: patterns) {
          On(Created.self) { _, _ in }
          On(Paid.self) { _, _ in }
        }
      }.topology.bindings.map(\.key)
    }
    #expect(try bindings(["booking.*", "payment.completed"]) == ["booking.*", "payment.completed"])
    #expect(try bindings([]) == ["#"])
  }

  @Test func aWorkerKnowsItsTopology() throws {
    let worker = try Worker(TestBroker(), name: "w") {
      Subscription("notification.booking", on: "tutorgo_events", to: "booking.*", "payment.completed") {
        On(Created.self) { _, _ in }
        On(Paid.self) { _, _ in }
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

  @Test func patternsAndHandlersMayBeKnownOnlyWhenTheProgramRuns() throws {
    @Subscription.Builder func handlers() -> [Subscription.Item] {
      On(Created.self) { _, _ in }
      On(Paid.self) { _, _ in }
    }
    let patterns: [RoutingKey] = ["booking.*", "payment.*"]
    let worker = try Worker(TestBroker(), name: "w") {
      Subscription("q", on: "e", to: patterns) {
        handlers()
        OnAny { _, _ in }
      }
      Subscription("all", on: "e", to: []) { handlers() }
    }
    #expect(
      Set(worker.topology.bindings) == [
        Binding("q", to: "e", key: "booking.*"), Binding("q", to: "e", key: "payment.*"),
        Binding("all", to: "e", key: "#"),
      ])
  }

  @Test func whatContradictsItselfIsRefused() {
    func code(@WorkerBuilder _ components: () -> [WorkerComponent]) -> BrokerError.Code? {
      do {
        _ = try Worker(TestBroker(), name: "w", components)
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
    #expect(code { Subscription("q", on: "e") { On(Created.self) { _, _ in }.concurrency(5) } } == .invalid)
    #expect(code { Subscription("q", on: "e") { On(Created.self) { _, _ in }.prefetch(5) } } == .invalid)
    #expect(code { Subscription("q", on: "e") { On(Created.self) { _, _ in }.timeout(.seconds(5)) } } == nil)
    #expect(code { Subscription("", on: "e") { On(Created.self) { _, _ in } } } == .invalid)
    #expect(code { Subscription("q", on: "e") { On(Created.self) { _, _ in } }.deadLetter(.queue("q")) } == .invalid)
    #expect(
      code {
        Subscription("q", on: .topic("e")) { On(Created.self) { _, _ in } }
        Subscription("r", on: .fanout("e")) { On(Created.self) { _, _ in } }
      } == .topologyConflict)
  }

  /// What a worker refuses, with a word of what it says.
  private func refusal(
    name: String = "w", options: Worker.Options = .init(), @WorkerBuilder _ components: () -> [WorkerComponent]
  ) -> String {
    do {
      _ = try Worker(TestBroker(), name: name, options: options, components)
      return "accepted"
    } catch { return error.code == .invalid ? error.message : "\(error)" }
  }

  @Test func whatCannotWorkIsRefusedWithTheRemedy() {
    #expect(refusal {}.contains("nothing to do"))
    for time in [Duration.zero, .seconds(-5), .milliseconds(-1)] {
      #expect(refusal { On(Mail.self) { _, _ in }.timeout(time) }.contains("time above zero"))
      #expect(
        refusal { Subscription("q", on: "e") { On(Created.self) { _, _ in }.timeout(time) } }.contains(
          "time above zero"))
      #expect(
        refusal { Subscription("q", on: "e") { OnAny { _, _ in } }.timeout(time) }.contains("OnAny in 'q'"))
    }
    for policy in [
      RetryPolicy.fixed([.seconds(1), .seconds(-1)]), .linear(step: .seconds(-1), retries: 2),
      .exponential(from: .seconds(-1), retries: 2), .exponential(from: .seconds(1), retries: 2, maximum: .seconds(-1)),
    ] {
      #expect(
        refusal { Subscription("q", on: "e") { On(Created.self) { _, _ in } }.retry(policy) }.contains("from zero on"))
    }
    #expect(refusal { On(Mail.self) { _, _ in }.prefetch(2).concurrency(10) }.contains("raise the prefetch"))
    #expect(
      refusal {
        On(Mail.self) { _, _ in }.prefetch(2)
        On(Code.self) { _, _ in }.concurrency(10)
      }.contains("raise the prefetch"))
    #expect(refusal { On(Mail.self) { _, _ in }.prefetch(10).concurrency(10) } == "accepted")
  }

  @Test func whatLooksLikeAWildcardAndIsNoneIsRefused() {
    func refusal(_ exchange: Exchange, _ patterns: [RoutingKey]) -> String {
      self.refusal { Subscription("q", on: exchange, to: patterns) { OnAny { _, _ in } } }
    }
    for pattern in ["order*", "order.**", "order.#x", "*order.placed", "a.##.b"] as [RoutingKey] {
      #expect(refusal("e", ["order.*", pattern]).contains("order.* and order.#"), "\(pattern)")
      #expect(refusal(.fanout("e"), [pattern]) == "accepted")
    }
    for pattern in ["order.*", "#", "*.placed", "order.#.late", ""] as [RoutingKey] {
      #expect(refusal("e", [pattern]) == "accepted", "\(pattern)")
    }
    #expect(refusal(.direct("e"), ["order.#"]).contains("direct exchange"))
    #expect(refusal(.direct("e"), []).contains("direct exchange"))
    #expect(refusal(.direct("e"), ["order.placed"]) == "accepted")
  }

  @Test func namesAndTimesThatCannotBeAreRefused() {
    func refusal(_ name: String = "w", _ change: (inout Worker.Options) -> Void = { _ in }) -> String {
      var options = Worker.Options()
      change(&options)
      return self.refusal(name: name, options: options) { On(Mail.self) { _, _ in } }
    }
    #expect(refusal("").contains("1 to 255") && refusal(String(repeating: "w", count: 256)).contains("1 to 255"))
    #expect(refusal { $0.stopDeadline = .seconds(-1) }.contains("stopDeadline"))
    #expect(refusal { $0.suspectPatience = .seconds(-1) }.contains("suspectPatience"))
    #expect(refusal { $0.unknownNamePatience = .seconds(-1) }.contains("unknownNamePatience"))
    #expect(refusal { $0.stopDeadline = .zero } == "accepted")
    struct Nameless: EventMessage { static let name: MessageName = "" }
    #expect(self.refusal { Subscription("q", on: "e") { On(Nameless.self) { _, _ in } } }.contains("is empty"))
    #expect(
      self.refusal {
        Subscription(Queue("q", timeToLive: .zero), on: "e") { OnAny { _, _ in } }
      }.contains("time to live of the queue 'q'"))
    #expect(self.refusal { Subscription("amq.mine", on: "e") { OnAny { _, _ in } } }.contains("begins with amq."))
    #expect(self.refusal { Subscription("q", on: "amq.mine") { OnAny { _, _ in } } }.contains("begins with amq."))
    #expect(self.refusal { Subscription("q", on: "amq.topic") { OnAny { _, _ in } } } == "accepted")
    #expect(self.refusal { Subscription(Queue("amq.mine").adopted()) { OnAny { _, _ in } } } == "accepted")
  }

  @Test func aRetryPolicyThatCannotBeMeantIsRefused() {
    let good = RetryPolicy.exponential(from: .seconds(1), retries: 3)
    for (policy, word) in [
      (good.jitter(20), "jitter of 20.0"), (good.jitter(-0.1), "jitter"), (good.jitter(.nan), "jitter"),
      (.exponential(from: .seconds(1), factor: 0.5, retries: 3), "factor of 0.5"),
      (.exponential(from: .seconds(1), factor: .nan, retries: 3), "factor"),
      (.exponential(from: .seconds(1), retries: -3), "-3 retries"),
      (.linear(step: .seconds(1), retries: -1), "retries"),
    ] as [(RetryPolicy, String)] {
      #expect(refusal { Subscription("q", on: "e") { OnAny { _, _ in } }.retry(policy) }.contains(word))
    }
    #expect(refusal { Subscription("q", on: "e") { OnAny { _, _ in } }.retry(good.jitter(1)) } == "accepted")
  }

  @Test func aPatternAndItsHandlersMustMeet() {
    func refusal(_ exchange: Exchange, _ patterns: RoutingKey..., ignoring: Bool = false, any: Bool = false) -> String {
      self.refusal {
        Subscription("q", on: exchange, to: patterns[0], patterns.last ?? "") {
          On(Created.self) { _, _ in }
          if any { OnAny { _, _ in } }
        }
        .unhandled(ignoring ? .ignore : .park)
      }
    }
    #expect(refusal("e", "bookings.*").contains("would never get 'booking.created'"))
    #expect(refusal("e", "booking.*.late").contains("would never get"))
    #expect(refusal("e", "booking.*", "orders.#").contains("no handler for what that lets in"))
    #expect(refusal("e", "booking.*", "orders.#", ignoring: true) == "accepted")
    #expect(refusal("e", "booking.*", "orders.#", any: true) == "accepted")
    #expect(refusal("e", "#") == "accepted")
    #expect(refusal("e", "*.created") == "accepted")
    #expect(refusal(.direct("e"), "booking.*").contains("would never get"))
    #expect(refusal(.direct("e"), "booking.created") == "accepted")
    #expect(refusal(.fanout("e"), "whatever") == "accepted")
    #expect(
      self.refusal { Subscription("q", on: "e", to: "seats.*.taken") { On(Taken.self) { _, _ in } } } == "accepted")
    #expect(
      self.refusal { Subscription("q", on: "e", to: "seats.A1.free") { On(Taken.self) { _, _ in } } } != "accepted")
  }

  @Test func aWorkerIsShownByItsNameAndQueuesAndNothingElse() throws {
    struct Secret: Middleware { let key = "s3cret" }
    var options = Worker.Options()
    options.middleware = [Secret()]
    let worker = try Worker(TestBroker(), name: "w", options: options) { On(Mail.self) { _, _ in } }
    #expect("\(worker)" == "worker 'w' on 'email_queue'")
    var dumped = ""
    dump(worker, to: &dumped)
    #expect(!dumped.contains("s3cret") && !String(reflecting: worker).contains("s3cret"))
  }

  @Test func nothingThatHoldsMiddlewareShowsWhatIsInIt() throws {
    struct Secret: Middleware { let key = "s3cret" }
    // As in a service of an application, whose description a group logs.
    struct Service { let parts: [Any] }
    let bus = EventBus(try TestBroker(), exchange: "shop", source: "api", middleware: [Secret()])
    var options = Worker.Options()
    options.middleware = [Secret()]
    let scheduler = try Scheduler(bus) { Schedule("clean", .every(.seconds(5))) { Mail() } }
    let service = Service(parts: [bus, bus.composer, options, scheduler])
    var dumped = ""
    dump(service, to: &dumped)
    for text in ["\(service)", String(reflecting: service), dumped] { #expect(!text.contains("s3cret"), "\(text)") }
    #expect("\(bus)" == "bus of 'api' to 'shop'" && "\(scheduler)" == "scheduler 'api' of 'clean'")
    #expect("\(options)".contains("Secret") && "\(options)".contains("25 s"))
  }

  @Test func slotsAndWindowFollowFromConcurrencyAndPrefetch() {
    #expect((QueueSettings().slots, QueueSettings().window) == (10, 20))
    #expect((QueueSettings(prefetch: 5).slots, QueueSettings(prefetch: 5).window) == (5, 5))
    #expect(QueueSettings(concurrency: 40_000).window == 65_535)
    #expect((QueueSettings(concurrency: 100).slots, QueueSettings(concurrency: 100).window) == (100, 200))
  }

  @Test func publishingWithoutAnExchangeSaysWhatToDo() async {
    await #expect(throws: BrokerError.self) {
      try await EventBus(TestBroker(), source: "s").publish(Created())
    }
  }
}
