import Foundation
import BrokerConformance
import Testing
import Warren

@testable import WarrenRabbitMQ

/// Bindings that are left from an earlier version of a service.
@Suite struct UnaskedBindingTests {
  private let a = Binding("q", to: "e", key: "a"), b = Binding("q", to: "e", key: "b")

  private func answer(_ name: String, _ asked: [String: [Binding]]?) -> ControlAnswer {
    ControlAnswer(worker: WorkerStatus(name: name, since: .now, queues: ["q"], running: 0), asked: asked)
  }

  @Test("what the workers of a queue ask for counts together, once all of them have told") func together() {
    let two = [answer("w1", ["q": [a]]), answer("w2", ["q": [b]])]
    #expect(Inspector.asked(["q": ["w1", "w2"]], two) == ["q": [a, b]])
    #expect(Inspector.asked(["q": ["w1"]], two) == ["q": [a]])
    #expect(Inspector.asked(["q": ["w1", "w2"]], [two[0], answer("w2", nil)]).isEmpty)
    #expect(Inspector.asked(["q": ["w1", "w3"]], two).isEmpty)
    #expect(Inspector.asked(["q": ["w1", nil]], two).isEmpty)
    // Two connections of one name are two workers.
    #expect(Inspector.asked(["q": ["w1", "w1"]], two).isEmpty)
    #expect(Inspector.asked(["q": ["w1", "w1"]], two + [answer("w1", ["q": []])]) == ["q": [a]])
  }

  @Test(
    "another process finds a binding that the running worker has not asked for",
    .enabled(if: RealBroker.isThere, RealBroker.note)) func onABroker() async throws
  {
    let prefix = "t\(UInt32.random(in: 0...UInt32.max))"
    let url = try #require(RealBroker.url)
    let exchange = Exchange.topic(ExchangeName("\(prefix).e")), queue = Queue(QueueName("\(prefix).q"))
    func topology(_ keys: RoutingKey...) throws -> Topology {
      try Topology(
        exchanges: [exchange], queues: [queue],
        bindings: keys.map { Binding(queue.name, to: exchange.name, key: $0) })
    }
    let before = try topology("a.*", "b.*"), after = try topology("a.*")
    try await RabbitMQBroker(url: url).withBroker { try await $0.apply(before) }
    try await RabbitMQBroker(url: url).withBroker { worker in
      try await worker.apply(after)
      try await worker.consume(queue.name, prefetch: 1) { _ in
        try await RabbitMQBroker(url: url).withBroker { other in
          // Not the whole diagnosis, which waits for what other tests leave in the delay buckets.
          let inspector = try await other.parts().inspector
          func unasked() async throws -> [Finding] {
            guard let asked = await inspector.askedBindings(), asked[queue.name] != nil else { return [] }
            return UnaskedBindings.findings(in: try await other.topology(), asked: asked)
              .filter { $0.queue == queue.name }
          }
          let findings = try await until {
            try await unasked()
          } holds: {
            $0.count == 1
          }
          #expect(findings.first?.text.contains("'b.*'") == true)
          try await other.removeBinding(Binding(queue.name, to: exchange.name, key: "b.*"))
          _ = try await until {
            (await inspector.askedBindings()?[queue.name] != nil, try await unasked().count)
          } holds: {
            $0 == (true, 0)
          }
        }
      }
      _ = try await worker.deleteQueue(queue.name, withMessages: true)
    }
  }
}
