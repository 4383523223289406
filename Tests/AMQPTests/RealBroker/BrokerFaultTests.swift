import Foundation
import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// Does things to the broker itself. The environment names the script that can, and the broker:
/// `WARREN_TEST_BROKER_SCRIPT` (the repository's `scripts/rabbitmq`), `WARREN_TEST_BROKER_DIR` and `WARREN_TEST_BROKER_NODE`
/// (which `rabbitmq start` prints), besides `WARREN_TEST_URI`.
enum BrokerControl {
  private static let environment = ProcessInfo.processInfo.environment
  private static let script = environment["WARREN_TEST_BROKER_SCRIPT"]
  private static let directory = environment["WARREN_TEST_BROKER_DIR"]
  private static let node = environment["WARREN_TEST_BROKER_NODE"]

  static var isThere: Bool { RealBroker.isThere && script != nil && directory != nil && node != nil }

  /// Runs `rabbitmq COMMAND DIR NODE ARGUMENTS...` to its end.
  static func run(_ command: String, _ arguments: String...) async throws {
    try await Program.run([script ?? "", command, directory ?? "", node ?? ""] + arguments)
  }
}

/// Run these alone (`--filter BrokerFaultTests`): they take the broker from others that use it.
@Suite(
  "Faults of a real broker",
  .enabled(
    if: BrokerControl.isThere,
    "skipped: set WARREN_TEST_BROKER_SCRIPT, WARREN_TEST_BROKER_DIR and WARREN_TEST_BROKER_NODE as well"), .serialized)
struct BrokerFaultTests {
  private func configuration(_ queue: String) throws -> AMQPConfiguration {
    var configuration = try RealBroker.configuration(name: "broker-faults")
    configuration.heartbeat = .seconds(2)
    configuration.handshakeTimeout = .seconds(2)
    configuration.replyTimeout = .seconds(60)
    configuration.recovery.firstBound = .milliseconds(20)
    configuration.recovery.lastBound = .milliseconds(500)
    configuration.topology = AMQPTopology(queues: [.init(queue)])
    return configuration
  }

  private func deleteQueue(_ queue: String) async throws {
    try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
      try await connection.withChannel { _ = try await $0.deleteQueue(queue) }
    }
  }

  /// What publishers and consumers saw.
  private final class Ledger: Sendable {
    let confirmed = Mutex<Set<String>>([])
    let consumed = Mutex<[String: Int]>([:])
    let stop = Mutex(false)
    var confirmedCount: Int { confirmed.withLock { $0.count } }
  }

  /// Publishes with 16 tasks and consumes, while `fault` happens. Everything confirmed must be consumed.
  private func load(_ fault: @escaping @Sendable (AMQPConnection, Ledger) async throws -> Void) async throws -> Ledger {
    let queue = RealBroker.name("broker-fault")
    let ledger = Ledger()
    try await AMQPConnection.withConnection(try configuration(queue)) { connection in
      let channel = try await connection.openChannel()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<16 {
          group.addTask {
            var index = 0
            while !ledger.stop.withLock({ $0 }) {
              let id = "\(task)-\(index)"
              do throws(AMQPError) {
                try await channel.publish(
                  AMQPMessage(
                    routingKey: queue, properties: .init(deliveryMode: .persistent, messageID: id), body: "x"),
                  timeout: .seconds(60))
                ledger.confirmed.withLock { _ = $0.insert(id) }
                index += 1
              } catch {
                // The same message again: what is unknown is published until it is known.
                guard error.code == .unknownOutcome || error.code == .nacked else { throw error }
              }
            }
          }
        }
        group.addTask {
          try await connection.consume(queue, prefetch: 50) { deliveries in
            for try await delivery in deliveries {
              ledger.consumed.withLock { $0[delivery.properties.messageID ?? "", default: 0] += 1 }
              delivery.ack()
              guard ledger.stop.withLock({ $0 }) else { continue }
              if delivery.properties.messageID == "last" { break }
            }
          }
        }
        await eventually { ledger.confirmedCount >= 100 }
        try await fault(connection, ledger)
        let before = ledger.confirmedCount
        await eventually { ledger.confirmedCount >= before + 100 }
        ledger.stop.withLock { $0 = true }
        for _ in 0..<16 { try await group.next() }
        await eventually {
          ledger.consumed.withLock { consumed in
            ledger.confirmed.withLock { $0.allSatisfy { consumed[$0] != nil } }
          }
        }
        try await channel.publish(AMQPMessage(routingKey: queue, properties: .init(messageID: "last"), body: "x"))
        try await group.waitForAll()
      }
    }
    try await deleteQueue(queue)
    return ledger
  }

  @Test("A broker that stops answering is found by its heartbeats; when it goes on, so does everything else")
  func frozen() async throws {
    try await within(.seconds(240)) {
      _ = try await load { connection, _ in
        let states = connection.states()
        try await BrokerControl.run("pause")
        for await state in states {
          guard case .recovering(let reason) = state else { continue }
          #expect(reason.code == .heartbeatTimeout)
          break
        }
        // Some attempts meet a socket that opens and says nothing.
        try? await Task.sleep(for: .seconds(5))
        try await BrokerControl.run("continue")
        try await connection.waitUntilOpen()
      }
    }
  }

  @Test("A broker that is killed and started again has everything that it confirmed")
  func killed() async throws {
    try await within(.seconds(180)) {
      _ = try await load { connection, _ in
        let states = connection.states()
        try await BrokerControl.run("kill")
        for await state in states { if case .recovering = state { break } }
        try await BrokerControl.run("restart")
        try await connection.waitUntilOpen()
      }
    }
  }

  @Test("A memory alarm holds publishers back and lets acknowledgements through; then everything goes on")
  func memoryAlarm() async throws {
    try await within(.seconds(240)) {
      let queue = RealBroker.name("alarm")
      // A connection that publishes is blocked and its socket not read by the broker: consumers belong on another one.
      let consuming = try configuration(queue)
      try await AMQPConnection.withConnection(consuming) { consumer in
        try await AMQPConnection.withConnection(try configuration(queue)) { publisher in
          let channel = try await publisher.openChannel()
          let messages = (0..<20).map { AMQPMessage(routingKey: queue, body: "\($0)") }
          for result in await channel.publish(messages) { #expect(result.isConfirmed) }
          let states = publisher.states()
          try await BrokerControl.run("ctl", "set_vm_memory_high_watermark", "0")
          let published = Mutex(false)
          async let waiting: Void = {
            // The broker says so with the first publish after the alarm.
            try await channel.publish(AMQPMessage(routingKey: queue, body: "waits"), timeout: .seconds(200))
            published.withLock { $0 = true }
          }()
          for await state in states { if case .blocked = state { break } }
          let late = await amqpError {
            try await channel.publish(AMQPMessage(routingKey: queue, body: "late"), timeout: .milliseconds(300))
          }
          #expect(late?.code == .publishTimeout)
          #expect(!published.withLock { $0 })
          try await consumer.consume(queue) { deliveries in
            var count = 0
            for try await delivery in deliveries {
              #expect(delivery.ack() == .accepted)
              count += 1
              if count == 20 { break }
            }
          }
          // Seen on the wire, as another connection asks.
          let left = try await consumer.withChannel { try await $0.queueInfo(queue).messageCount }
          #expect(left == 0)
          // Longer than two heartbeats: being blocked is not being dead.
          try await Task.sleep(for: .seconds(6))
          if case .blocked = publisher.state {} else { Issue.record("\(publisher.state)") }
          try await BrokerControl.run("ctl", "set_vm_memory_high_watermark", "0.6")
          try await waiting
          for await state in publisher.states() { if case .open = state { break } }
          let delivery = try await consumer.withChannel { try await $0.get(queue, noAck: true) }
          #expect(delivery.map { String(buffer: $0.body) } == "waits")
        }
      }
      try await deleteQueue(queue)
    }
  }

  @Test("A broker that reads nothing, because of an alarm, lets channels, consumers and the connection end")
  func leavingDuringAnAlarm() async throws {
    try await within(.seconds(240)) {
      let queue = RealBroker.name("alarm-leaving")
      try await BrokerControl.run("ctl", "set_vm_memory_high_watermark", "0")
      let begin = ContinuousClock.now
      var configuration = try configuration(queue)
      configuration.closeTimeout = .seconds(1)
      try await AMQPConnection.withConnection(configuration) { connection in
        try await connection.consume(queue) { _ in
          try await connection.withChannel { channel in
            let large = AMQPMessage(routingKey: queue, body: .init(repeating: 7, count: 15 * 1024 * 1024))
            let error = await amqpError { try await channel.publish(large, timeout: .seconds(1)) }
            #expect(error != nil)
          }
        }
      }
      let took = begin.duration(to: .now)
      #expect(took < .seconds(12), "leaving took \(took)")
      try await BrokerControl.run("ctl", "set_vm_memory_high_watermark", "0.6")
      try await deleteQueue(queue)
    }
  }
}
