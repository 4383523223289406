import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// Handlers that hang for longer than the broker lets them.
@Suite("Handlers that hang", .enabled(if: RealBroker.isThere, RealBroker.note)) struct LeaseWatchTests {
  @Test("A10: a message that hangs its handlers is counted, set apart and parked, and its neighbours are left alone")
  func hanging() async throws {
    let queue = Queue(QueueName(Foreign.name()))
    var configuration = RabbitMQConfiguration()
    configuration.leaseCheckInterval = .milliseconds(250)
    // 3.10 is believed, the others tell: from 4.0 on a queue has its own.
    configuration.consumerTimeout = .seconds(2)
    let broker = try RabbitMQBroker(urls: try #require(RealBroker.urls), configuration: configuration)
    let begun = Log<String>()
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: [queue]))
      if try await broker.parts().session.server.queuesHaveTimeouts {
        try await RealBroker.policy("hang-\(queue.name)", on: "^\(queue.name)$", ["consumer-timeout": 2000])
        _ = try await until {
          try await broker.lease(of: queue.name, wanted: .milliseconds(1))
        } holds: {
          $0?.duration == .seconds(2)
        }
      }
      let worker = try Worker(broker, name: "suite") {
        Subscription(queue.adopted()) {
          OnAny { message, _ in
            let text = String(decoding: message.body, as: UTF8.self)
            begun.add(text)
            if text == "hangs" { try await Task.sleep(for: .seconds(3600)) }
          }
        }
        .concurrency(2)
      }
      func publish(_ text: String) async throws {
        let message = Message(id: .unique(), name: "test.thing", body: Data(text.utf8))
        _ = try await broker.publish([Publication(message, to: .queue(queue.name))])
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await publish("hangs")
        #expect(try await begun.next() == "hangs")
        try await publish("healthy")
        #expect(try await begun.next() == "healthy")
        // Thrice as it came, then set apart, until it has had five.
        #expect(try await begun.next(4) == ["hangs", "hangs", "hangs", "hangs"])
        let letters = try await until {
          try await broker.deadLetters(.init(origin: queue.name)).letters
        } holds: {
          !$0.isEmpty
        }
        #expect(letters.map(\.reason.kind) == [.crashLooping])
        group.cancelAll()
      }
      if try await broker.parts().session.server.queuesHaveTimeouts {
        try await RealBroker.dropPolicy("hang-\(queue.name)")
      }
    }
  }
}
