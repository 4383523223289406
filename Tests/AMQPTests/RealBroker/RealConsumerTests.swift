import Foundation
import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// Consumers of a real broker that are left, and that come back.
@Suite("Consumers of a real broker", .enabled(if: RealBroker.isThere, RealBroker.skipped), .serialized)
struct RealConsumerTests {
  /// Makes a queue with so many messages for the time of `body`.
  private func filled(
    _ count: Int, size: Int = 100, arguments: AMQPTable = [:], _ body: (String) async throws -> Void
  ) async throws {
    let queue = RealBroker.name("consumers")
    let messages = (0..<count).map { _ in AMQPMessage(routingKey: queue, body: ByteBuffer(repeating: 0x78, count: size))
    }
    try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
      let channel = try await connection.openChannel()
      try await channel.declareQueue(queue, arguments: arguments)
      let results = await channel.publish(messages)
      #expect(results.allSatisfy { $0.isConfirmed })
      do { try await body(queue) } catch {
        _ = try? await connection.withChannel { try await $0.deleteQueue(queue) }
        throw error
      }
      _ = try await connection.withChannel { try await $0.deleteQueue(queue) }
    }
  }

  private var proxied: AMQPConfiguration {
    get throws {
      var configuration = try RealBroker.configuration(name: "consumers")
      configuration.recovery.firstBound = .milliseconds(5)
      configuration.recovery.lastBound = .milliseconds(200)
      return configuration
    }
  }

  @Test(
    "A consumer without acknowledgement that is left early leaves a connection that works", arguments: [true, false])
  func leftEarly(_ waits: Bool) async throws {
    try await filled(5000) { queue in
      var configuration = try RealBroker.configuration()
      configuration.replyTimeout = .seconds(5)
      try await AMQPConnection.withConnection(configuration) { connection in
        let start = ContinuousClock.now
        try await connection.withChannel { channel in
          for try await _ in try await channel.consume(queue, options: .init(noAck: true)) { break }
          // Long enough for the buffer to fill.
          if waits { try await Task.sleep(for: .milliseconds(500)) }
        }
        #expect(ContinuousClock.now - start < .seconds(5))
        _ = try await connection.withChannel { try await $0.queueInfo(queue) }
      }
    }
  }

  @Test("Several direct replies to one question come, and the connection stays") func directReplies() async throws {
    try await filled(2) { queue in
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        try await connection.withChannel { channel in
          let replies = try await channel.consume("amq.rabbitmq.reply-to", options: .init(noAck: true))
          var question = AMQPMessage(routingKey: queue, body: ByteBuffer(string: "?"))
          question.properties.replyTo = "amq.rabbitmq.reply-to"
          try await channel.publish(question)
          try await connection.withChannel { answering in
            var asked = try await answering.consume(queue, prefetch: 3).makeAsyncIterator()
            var address: String?
            while address == nil, let delivery = try await asked.next() {
              delivery.ack()
              address = delivery.properties.replyTo
            }
            for text in ["a", "b", "c"] {
              try await answering.publish(
                AMQPMessage(routingKey: try #require(address), mandatory: false, body: ByteBuffer(string: text)))
            }
          }
          var texts: [String] = []
          for try await reply in replies {
            texts.append(String(buffer: reply.body))
            if texts.count == 3 { break }
          }
          #expect(texts == ["a", "b", "c"])
          // Where replies take no tag, this one has theirs.
          try await channel.publish(AMQPMessage(routingKey: queue, body: ByteBuffer(string: "d")))
          for try await delivery in try await channel.consume(queue, prefetch: 1) {
            #expect(delivery.ack() == .accepted)
            break
          }
        }
        #expect(connection.state == .open)
      }
    }
  }

  @Test("After break and cancel() the broker has back all that was not handed out")
  func givenBack() async throws {
    try await filled(10) { queue in
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let deliveries = try await channel.consume(queue, prefetch: 10)
        for try await delivery in deliveries {
          delivery.ack()
          break
        }
        await deliveries.cancel()
        try await within(.seconds(3)) {
          await eventually { (try? await channel.queueInfo(queue).messageCount) == 9 }
          try Task.checkCancellation()
        }
      }
    }
  }

  @Test("An exclusive consumer comes back after a loss that the broker has not noticed yet")
  func exclusive() async throws {
    try await filled(1) { queue in
      try await within(.seconds(60)) {
        try await FaultProxy.run(to: try RealBroker.configuration().endpoints[0]) { proxy in
          var configuration = try proxied
          configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
          configuration.heartbeat = .seconds(2)
          try await AMQPConnection.withConnection(configuration) { connection in
            let channel = try await connection.openChannel()
            var iterator = try await channel.consume(queue, options: .init(exclusive: true)).makeAsyncIterator()
            #expect(try await iterator.next()?.ack() == .accepted)
            let states = connection.states()
            await proxy.dropClientSides()
            for await state in states { if case .recovering = state { break } }
            try await connection.waitUntilOpen()
            let publisher = try await connection.openChannel()
            try await publisher.publish(AMQPMessage(routingKey: queue, body: "again"))
            // The first one may come a second time: its acknowledgement can be lost with the connection.
            var text = try await iterator.next()?.text
            if text != "again" { text = try await iterator.next()?.text }
            #expect(text == "again")
          }
        }
      }
    }
  }

  @Test("A consumer of a stream sees each message once across a loss", arguments: ["first", "next", "5"])
  func stream(_ offset: String) async throws {
    let queue = RealBroker.name("stream")
    try await within(.seconds(60)) {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { outside in
        let publisher = try await outside.openChannel()
        try await publisher.declareQueue(queue, arguments: ["x-queue-type": "stream"])
        func publish(_ range: Range<Int>) async {
          let results = await publisher.publish(range.map { AMQPMessage(routingKey: queue, body: "\($0)") })
          #expect(results.allSatisfy { $0.isConfirmed })
        }
        await publish(0..<10)
        try await FaultProxy.run(to: try RealBroker.configuration().endpoints[0]) { proxy in
          var configuration = try proxied
          configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
          try await AMQPConnection.withConnection(configuration) { connection in
            let channel = try await connection.openChannel()
            let value: AMQPValue = Int64(offset).map { .int64($0) } ?? .string(offset)
            let deliveries = try await channel.consume(
              queue, prefetch: 100, options: .init(arguments: ["x-stream-offset": value]))
            var iterator = deliveries.makeAsyncIterator()
            await publish(10..<20)
            var seen: [String] = []
            while seen.last != "19", let delivery = try await iterator.next() {
              seen.append(delivery.text)
              delivery.ack()
            }
            let states = connection.states()
            await proxy.reset()
            for await state in states { if case .recovering = state { break } }
            await publish(20..<25)
            try await connection.waitUntilOpen()
            await publish(25..<30)
            while seen.last != "29", let delivery = try await iterator.next() {
              seen.append(delivery.text)
              delivery.ack()
            }
            let first = offset == "first" ? 0 : offset == "5" ? 5 : 10
            #expect(seen == (first..<30).map { "\($0)" })
          }
        }
        _ = try await publisher.deleteQueue(queue)
      }
    }
  }
}
