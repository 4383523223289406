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

@Suite struct WorkerPlanTests {
  @Test func aWorkerKnowsItsTopology() throws {
    let worker = try Worker(TestBroker(), name: "w") {
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
