import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// The right answer to the right publish, and room for the others.
@Suite("Outcomes of publishes")
struct PublishOutcomeTests {
  @Test("A return belongs to the publish it came for, though the first try with the same id is still open")
  func sameID() async throws {
    try await within(.seconds(20)) {
      let headers = Mutex<[AMQPProperties]>([])
      let count = Atomic(0)
      try await FakeBroker.run({ peer, frame in
        if case .header(_, _, let properties) = frame { headers.withLock { $0.append(properties) } }
        guard case .body(let channel, _) = frame else { return false }
        // One turns confirm mode on. The first is not confirmed for now, the second comes back as it was sent and is
        // acknowledged then.
        let number = count.add(1, ordering: .relaxed).newValue
        if number == 1 { return false }
        guard number == 3 else { return true }
        peer.send(
          .basicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "q"),
          headers.withLock { $0[2] }, "x", on: channel)
        peer.send(.basicAck(deliveryTag: 3, multiple: false), on: channel)
        peer.send(.basicAck(deliveryTag: 2, multiple: false), on: channel)
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let message = AMQPMessage(routingKey: "q", properties: .init(messageID: "order-1"), body: "x")
          try await channel.publish(AMQPMessage(routingKey: "q", body: "x"))
          let first = await amqpError { try await channel.publish(message, timeout: .seconds(1)) }
          #expect(first?.code == .unknownOutcome)
          let second = await amqpError { try await channel.publish(message) }
          #expect(second?.code == .unroutable)
        }
      }
    }
  }

  @Test("Of two in flight with one id, the one that was routed is confirmed and the other is unroutable")
  func sameIDBothOpen() async throws {
    try await within(.seconds(20)) {
      let headers = Mutex<[AMQPProperties]>([])
      let count = Atomic(0)
      try await FakeBroker.run({ peer, frame in
        if case .header(_, _, let properties) = frame { headers.withLock { $0.append(properties) } }
        guard case .body(let channel, _) = frame else { return false }
        guard count.add(1, ordering: .relaxed).newValue == 2 else { return true }
        peer.send(
          .basicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "q"),
          headers.withLock { $0[1] }, "x", on: channel)
        peer.send(.basicAck(deliveryTag: 2, multiple: true), on: channel)
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let message = AMQPMessage(routingKey: "q", properties: .init(messageID: "order-1"), body: "x")
          let results = await channel.publish([message, message])
          #expect(results.map { $0.error?.code } == [nil, .unroutable])
        }
      }
    }
  }

  @Test("A header that a user forges does not turn another publish into an unroutable one")
  func forgedSequence() async throws {
    try await within(.seconds(20)) {
      let headers = Mutex<[AMQPProperties]>([])
      let count = Atomic(0)
      try await FakeBroker.run({ peer, frame in
        if case .header(_, _, let properties) = frame { headers.withLock { $0.append(properties) } }
        guard case .body(let channel, _) = frame else { return false }
        guard count.add(1, ordering: .relaxed).newValue == 2 else { return true }
        peer.send(
          .basicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "q"),
          headers.withLock { $0[1] },
          "x", on: channel)
        peer.send(.basicAck(deliveryTag: 2, multiple: true), on: channel)
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let plain = AMQPMessage(routingKey: "q", body: "x")
          var forged = plain
          forged.properties.headers = ["x-publish-sequence": 1]
          let results = await channel.publish([plain, forged])
          #expect(results.map { $0.error?.code } == [nil, .unroutable])
        }
      }
    }
  }

  @Test("Publishes that are never confirmed do not keep the others from being sent for ever")
  func stuckQueue() async throws {
    try await within(.seconds(20)) {
      let count = Atomic<UInt64>(0)
      try await FakeBroker.run({ peer, frame in
        guard case .body(let channel, _) = frame else { return false }
        let number = count.add(1, ordering: .relaxed).newValue
        if number == 1 || number > 3 { peer.send(.basicAck(deliveryTag: number, multiple: false), on: channel) }
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel(.init(maxOutstanding: 2))
          // Confirm mode is on after this one.
          try await channel.publish(AMQPMessage(routingKey: "healthy", body: "x"))
          let stuck = AMQPMessage(routingKey: "stuck", body: "x")
          let results = await channel.publish([stuck, stuck], timeout: .seconds(1))
          #expect(results.allSatisfy { $0.error?.code == .unknownOutcome })
          try await channel.publish(AMQPMessage(routingKey: "healthy", body: "x"), timeout: .seconds(10))
        }
      }
    }
  }

  @Test("Two consumers that begin at once on one channel get their own prefetch")
  func prefetchOfTwo() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          async let a = channel.consume("a", prefetch: 1)
          async let b = channel.consume("b", prefetch: 500)
          _ = try await (a, b)
        }
        var last: UInt16 = 0
        var prefetches: [String: UInt16] = [:]
        for method in broker.methods {
          if case .basicQos(_, let count, _) = method { last = count }
          if case .basicConsume(let consume) = method { prefetches[consume.queue] = last }
        }
        #expect(prefetches == ["a": 1, "b": 500])
      }
    }
  }
}
