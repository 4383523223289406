import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// What can be seen with the management API, and what without it.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note))
struct InspectionTests {
  private let prefix = "t\(UInt32.random(in: 0...UInt32.max))"
  private func bench(_ broker: RabbitMQBroker) -> Bench {
    Bench(broker: broker, clock: SystemClock(), url: nil) { try await Task.sleep(for: $0) }
  }

  @Test func withTheManagementAPI() async throws {
    let queue = Queue(QueueName("\(prefix).q"))
    var configuration = RabbitMQConfiguration()
    configuration.connectionName = "\(prefix) worker"
    let url = try #require(RealBroker.url)
    let worker = try RabbitMQBroker(url: url, configuration: configuration)
    try await worker.withBroker { worker in
      try await bench(worker).fill(queue, "held", "b", "c")
      try await worker.consume(queue.name, prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        // Another process, such as the command line, which has declared nothing.
        try await RabbitMQBroker(url: url).withBroker { other in
          let status = try await bench(other).status(queue.name) {
            $0.ready == 2 && $0.running == 1 && $0.consumers == 1
          }
          #expect(status.deadLetterQueue?.rawValue == "\(prefix).q.dlq" && !status.holdsDeadLetters)
          #expect(try await other.queue(queue.name)?.ready == 2)
          // A rate is that of the last seconds, so something has to go on.
          let busy = Queue(QueueName("\(prefix).busy"))
          try await worker.apply(Topology(queues: [busy]))
          let rates = try await until {
            _ = try await worker.publish([Publication(bench(worker).message("x"), to: .queue(busy.name))])
            return try await other.queue(busy.name)?.rates
          } holds: {
            ($0?.published ?? 0) > 0
          }
          #expect((rates?.published ?? 0) < 1000)
          let parked = try #require(try await other.queue("\(prefix).q.dlq"))
          #expect(parked.holdsDeadLetters)
          let shown = try await until {
            try await other.workers().first { $0.name == "\(prefix) worker" }
          } holds: {
            $0?.running == 1
          }
          #expect(shown?.queues == [queue.name])
          let findings = try await other.diagnose()
          #expect(findings.contains { $0.severity == .fine && $0.text.contains("node") }, "\(findings)")
          #expect(!findings.contains { $0.text.contains("management API") }, "\(findings)")
        }
        _ = try await worker.settle(held, as: .complete)
      }
    }
  }

  @Test func withoutTheManagementAPIWhatIsMissingIsSaid() async throws {
    let queue = Queue(QueueName("\(prefix).q"))
    let url = try #require(RealBroker.urlWithoutManagement)
    try await RabbitMQBroker(url: url).withBroker { broker in
      // A process that has declared nothing knows no queue by itself, and does not say that there is none.
      for look: @Sendable () async throws -> Void in [
        { _ = try await broker.queues() }, { _ = try await broker.topology() },
        { _ = try await broker.deadLetters(.init()) },
      ] {
        let error = await #expect(throws: BrokerError.self) { try await look() }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("http://127.0.0.1:1") == true && error?.message.contains("management=") == true)
      }
      #expect(try await broker.queue(queue.name) == nil)
      let findings = try await broker.diagnose()
      #expect(findings.map(\.severity) == [.fine, .warning], "\(findings)")
      #expect(findings.last?.fix?.text.contains("rabbitmq_management") == true)
      // With its own topology it works as always.
      try await bench(broker).fill(queue, "x")
      let status = try await bench(broker).status(queue.name) { $0.ready == 1 }
      #expect(status.rates == nil)
      try await broker.pause(queue.name)
      #expect(try await broker.queue(queue.name)?.isPaused == true)
      try await broker.resume(queue.name)
      try await broker.consume(queue.name, prefetch: 1) { consumer in
        _ = try await broker.settle(
          try await consumer.mustNext(), as: .deadLetter(.init(.rejected, "r"), History(attempts: 1)))
        let error = await #expect(throws: BrokerError.self) { try await broker.workers() }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("rabbitmq_management") == true)
      }
      #expect(try await broker.deadLetters(.init()).letters.count == 1)
      let bound = try Topology(
        exchanges: [.topic("\(prefix).e")], queues: [queue], bindings: [Binding(queue.name, to: "\(prefix).e")])
      try await broker.apply(bound)
      #expect(try await broker.differences(from: bound).isEmpty)
    }
  }

  @Test func somethingElseAtItsPortIsSaid() async throws {
    // The port of AMQP itself answers with no HTTP, and the API refuses a stranger.
    let url = try #require(RealBroker.url)
    let management = try #require(RealBroker.management)
    let amqp = try #require(URLComponents(string: url)?.port)
    try await RabbitMQBroker(url: url.prefix { $0 != "?" } + "?management=http://127.0.0.1:\(amqp)").withBroker {
      let finding = try await $0.diagnose().last
      #expect(finding?.text.contains("127.0.0.1:\(amqp)") == true, "\(String(describing: finding))")
    }
    let known = try #require(URL(string: "\(management)".replacing("://", with: "://guest:guest@")))
    let named = ManagementAPI(base: known, credentials: ("guest", "wrong"), virtualHost: "/")
    #expect(await named.queues() != nil)
    let stranger = ManagementAPI(base: management, credentials: ("guest", "wrong"), virtualHost: "/")
    #expect(await stranger.queues() == nil)
    #expect(stranger.failure.contains("monitoring"), "\(stranger.failure)")
  }

  @Test func deadLettersOfForeignQueuesAreFollowed() async throws {
    let names = ["work", "failed", "retry", "audit"].map { "\(prefix).\($0)" }
    let (work, failed, retry, audit) = (names[0], names[1], names[2], names[3])
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { foreign in
      try await foreign.withChannel { channel in
        try await channel.declareExchange("\(prefix).dlx", type: "topic")
        try await channel.declareQueue(
          work,
          arguments: ["x-dead-letter-exchange": .string("\(prefix).dlx"), "x-dead-letter-routing-key": "work.failed"])
        try await channel.declareQueue(failed)
        try await channel.declareQueue(audit)
        // Their own retries: what lies there for a while falls back into the queue, which holds no dead letters for that.
        try await channel.declareQueue(
          retry,
          arguments: ["x-message-ttl": 1000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(work)])
        try await channel.bindQueue(failed, to: "\(prefix).dlx", routingKey: "*.failed")
        try await channel.bindQueue(audit, to: "\(prefix).dlx", routingKey: "other.#")
        try await channel.publish(
          AMQPMessage(routingKey: work, properties: .init(deliveryMode: .persistent), body: "x"))
        let delivery = try #require(try await channel.get(work))
        delivery.reject(requeue: false)

        try await RabbitMQBroker(url: try #require(RealBroker.url)).withBroker { broker in
          let shown = try await broker.queues().filter { $0.name.rawValue.hasPrefix(prefix) }
          // They are another system's: they may hold dead letters, and are looked through when they are named.
          #expect(shown.filter(\.holdsDeadLetters).isEmpty)
          #expect(shown.filter(\.mayHoldDeadLetters).map(\.name.rawValue) == [failed])
          #expect(shown.first { $0.name.rawValue == failed }?.state == .mayHoldDeadLetters)
          #expect(shown.first { $0.name.rawValue == work }?.deadLetterQueue?.rawValue == failed)
          let letter = try await until {
            try await broker.deadLetters(.init(origin: QueueName(work))).letters.first
          } holds: {
            $0 != nil
          }
          #expect(letter?.queue.rawValue == failed && letter?.origin.rawValue == work)
          let topology = try await broker.topology()
          let queue = try #require(topology.queues.first { $0.name.rawValue == work })
          #expect(queue.isAdopted)
          // By a pattern: a topology that named the exchange would ask for a binding with that key.
          #expect(queue.deadLetter == .queue(QueueName(failed)))
          #expect(topology.others.contains { $0.contains("'\(prefix).dlx' by 'work.failed'") })
        }
        for name in names { try await channel.deleteQueue(name) }
        try await channel.deleteExchange("\(prefix).dlx")
      }
    }
  }
}
