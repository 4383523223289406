import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// Limits of the broker that Warren's own queues, connections and messages meet.
@Suite("Limits of the broker", .enabled(if: RealBroker.isThere, RealBroker.note)) struct LimitTests {
  private let host = "v\(UInt32.random(in: 0...UInt32.max))"
  private let log = CapturedLog()

  /// A broker on a virtual host of its own that lets so many queues be.
  private func broker(queues: Int) async throws -> RabbitMQBroker {
    _ = try await RealBroker.api("vhosts/\(host)", method: "PUT", body: "{}")
    _ = try await RealBroker.api(
      "permissions/\(host)/guest", method: "PUT", body: #"{"configure":".*","write":".*","read":".*"}"#)
    _ = try await RealBroker.api("vhost-limits/\(host)/max-queues", method: "PUT", body: #"{"value":\#(queues)}"#)
    var url = try #require(RealBroker.url?.split(separator: ",").first.flatMap { URLComponents(string: String($0)) })
    url.path = "/\(host)"
    return try RabbitMQBroker(url: try #require(url.string), logger: log.logger)
  }

  @Test("A virtual host of 100 queues carries ten that are worked on, with retries and delays of every kind")
  func tenQueues() async throws {
    let broker = try await broker(queues: 100)
    try await broker.withBroker { broker in
      let queues = (0..<10).map { Queue(QueueName("q\($0)")) }
      try await broker.apply(Topology(queues: queues))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for queue in queues {
          group.addTask {
            try await broker.consume(queue.name, prefetch: 5) { consumer in
              let message = Message(id: .unique(), name: "test.thing", body: Data("x".utf8))
              _ = try await broker.publish([Publication(message, to: .queue(queue.name))])
              let first = try await consumer.mustNext()
              _ = try await broker.settle(first, as: .isolate)
              let second = try await consumer.mustNext()
              let retry = Settlement.retry(at: Date().addingTimeInterval(0.1), History(attempts: 1))
              #expect(try await broker.settle(second, as: retry) == .settled)
              let third = try await consumer.mustNext()
              #expect(try await broker.settle(third, as: .complete) == .settled)
            }
          }
        }
        try await group.waitForAll()
      }
      // One delay for each bucket that there is.
      let delays = Delays.buckets.map { Double($0) / 1000 }
      let now = Date()
      let results = try await broker.publish(
        delays.map {
          Publication(
            Message(id: .unique(), name: "test.thing", body: Data("x".utf8)), to: .queue("q0"),
            notBefore: now.addingTimeInterval($0))
        })
      #expect(results.allSatisfy { $0.isStored }, "\(results.filter { !$0.isStored })")
    }
    let names = try #require(try await RealBroker.api("queues/\(host)?columns=name") as? [[String: Any]])
    #expect(names.count <= 100, "\(names.count)")
    #expect(log.warnings.isEmpty, "\(log.warnings)")
    _ = try await RealBroker.api("vhosts/\(host)", method: "DELETE")
  }

  @Test("A start for which the queues do not suffice is refused with the number that is needed") func tooFew()
    async throws
  {
    try await broker(queues: 50).withBroker { broker in
      _ = try await until {
        await broker.management.limits()?.queues
      } holds: {
        $0 == 50
      }
      let topology = try Topology(queues: (0..<10).map { Queue(QueueName("q\($0)")) })
      let error = await #expect(throws: BrokerError.self) { try await broker.apply(topology) }
      let needed = QueueDemand.names(for: topology).count + 1
      #expect(
        error?.code == .invalid && error?.message.contains("\"max-queues\": \(needed)") == true, "\(error as Any)")
      // Nothing was declared.
      #expect(try await broker.queue("q0") == nil)
      let findings = try await broker.diagnose()
      #expect(findings.contains { $0.severity == .fine && $0.text.contains("of 50 queues") }, "\(findings)")
    }
    _ = try await RealBroker.api("vhosts/\(host)", method: "DELETE")
  }

  @Test(
    "A broker that takes small bodies only is found out, and a body that is too large costs no other message",
    .enabled(if: RealBroker.canBeBroken, RealBroker.note))
  func smallBodies() async throws {
    let version = try await RealBroker.version()
    let lines = try await RealBroker.run(
      "start", "--version", version, "--set", "max_message_size = 200000", "--while", "\(getpid())")
    let values = Dictionary(
      lines.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }.filter { $0.count == 2 }.map {
        ($0[0], $0[1])
      }
    ) { first, _ in first }
    let url = try #require(values["WARREN_RABBITMQ_URL"])
    let management = try #require(values["WARREN_RABBITMQ_MANAGEMENT_URL"]).replacing("guest:guest@", with: "")
    try await RabbitMQBroker(url: "\(url)?management=\(management)", logger: log.logger).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue("q")]))
      func message(_ size: Int) -> Publication {
        Publication(Message(id: .unique(), name: "test.thing", body: Data(count: size)), to: .queue("q"))
      }
      for _ in 0..<2 {
        let results = try await broker.publish([message(10), message(300_000), message(10)])
        guard let error = results[1].error else { return #expect(Bool(false), "\(results)") }
        #expect(error.code == .tooLarge, "\(error)")
        for result in [results[0], results[2]] {
          if let error = result.error { #expect(error.isRetryable, "\(error)") }
        }
      }
      // The second time it is not even sent, so its neighbours are stored.
      let results = try await broker.publish([message(10), message(300_000), message(10)])
      #expect(results[0].isStored && results[2].isStored)
      #expect(log.warnings.count { $0.contains("smaller bodies") } == 1)
    }
    try await RabbitMQBroker(url: "\(url)?management=\(management)").withBroker { broker in
      let finding = try await broker.diagnose().first { $0.text.contains("max_message_size") }
      #expect(finding?.text.contains("200000") == true && finding?.fix != nil, "\(finding as Any)")
    }
    try await RealBroker.run("stop", try #require(values["WARREN_RABBITMQ_DIR"]))
  }
}
