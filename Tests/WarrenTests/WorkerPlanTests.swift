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
  private func refusal(@WorkerBuilder _ components: () -> [WorkerComponent]) -> String {
    do {
      _ = try Worker(TestBroker(), name: "w", components)
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

  @Test func slotsAndWindowFollowFromConcurrencyAndPrefetch() {
    #expect((QueueSettings().slots, QueueSettings().window) == (10, 20))
    #expect((QueueSettings(prefetch: 5).slots, QueueSettings(prefetch: 5).window) == (5, 5))
    #expect((QueueSettings(concurrency: 100).slots, QueueSettings(concurrency: 100).window) == (100, 200))
  }

  @Test func publishingWithoutAnExchangeSaysWhatToDo() async {
    await #expect(throws: BrokerError.self) {
      try await EventBus(TestBroker(), source: "s").publish(Created())
    }
  }
}
