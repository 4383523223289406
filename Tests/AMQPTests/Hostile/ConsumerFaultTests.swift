import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// Consumers when things are lost, late or ended meanwhile, against a broker in this process.
@Suite("Faults around consumers")
struct ConsumerFaultTests {
  @Test("A consumer goes on after a loss; what was buffered is dropped and old deliveries cannot be settled")
  func consumerRecovers() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        // The first deliveries come with the answer.
        peer.send(.basicConsumeOk(consumerTag: consume.consumerTag), on: channel)
        for tag in 1...3 as ClosedRange<UInt64> {
          peer.send(
            .basicDeliver(
              .init(
                consumerTag: consume.consumerTag, deliveryTag: tag, redelivered: peer.index > 0, exchange: "",
                routingKey: "k")), AMQPProperties(), "\(peer.index)-\(tag)", on: channel)
        }
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.topology = AMQPTopology(queues: [.init("q")])
        try await AMQPConnection.withConnection(configuration) { connection in
          try await connection.consume("q", prefetch: 10) { deliveries in
            var iterator = deliveries.makeAsyncIterator()
            let old = try await iterator.next()
            #expect(old.map { String(buffer: $0.body) } == "0-1")
            let states = connection.states()
            try await broker.withPeer { $0.hangUp() }
            for await state in states { if case .recovering = state { break } }
            let fresh = try await iterator.next()
            #expect(fresh.map { String(buffer: $0.body) } == "1-1")
            #expect(fresh?.redelivered == true)
            #expect(old?.ack() == .stale)
            #expect(fresh?.ack() == .accepted)
            await broker.wait { $0.contains { if case .method(_, .basicAck) = $0 { true } else { false } } }
          }
        }
        // Qos before consume, the topology before both, on each connection; and one ack only.
        let names = broker.methods.map(\.id)
        #expect(names.filter { $0 == Method.basicQosOk.id || $0.raw == 60 << 16 | 10 }.count == 2)
        #expect(names.filter { $0.raw == 50 << 16 | 10 }.count == 2)
        #expect(names.filter { $0.raw == 60 << 16 | 80 }.count == 1)
      }
    }
  }

  @Test("A queue that keeps its consumer waiting after a loss keeps no other consumer and no publisher waiting")
  func stuckConsumer() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(_, .basicConsume(let consume)) = frame else { return false }
        return consume.queue == "stuck"
      }) { broker in
        var configuration = broker.configuration
        // Longer than the test may take: nothing below is saved by a time limit.
        configuration.replyTimeout = .seconds(600)
        let connection = AMQPConnection(configuration)
        async let running: Void = connection.run()
        try await connection.waitUntilOpen()
        let channels = try await [connection.openChannel(), connection.openChannel(), connection.openChannel()]
        let stuck = try await channels[0].consume("stuck")
        _ = try await channels[1].consume("fine")
        try await channels[2].publish(AMQPMessage(routingKey: "k", body: "x"))
        let states = connection.states()
        try await broker.withPeer { $0.hangUp() }
        for await state in states { if case .recovering = state { break } }
        try await connection.waitUntilOpen()
        try await channels[1].publish(AMQPMessage(routingKey: "k", body: "x"))
        try await channels[2].publish(AMQPMessage(routingKey: "k", body: "x"))
        _ = try await connection.withChannel { try await $0.declareQueue("q") }
        let queues = broker.methods.compactMap {
          if case .basicConsume(let consume) = $0 { consume.queue } else { nil }
        }
        #expect(queues.sorted() == ["fine", "fine", "stuck", "stuck"])
        // Another loss, while that one still waits.
        let again = connection.states()
        try await broker.withPeer { $0.hangUp() }
        for await state in again { if case .recovering = state { break } }
        try await connection.waitUntilOpen()
        try await channels[2].publish(AMQPMessage(routingKey: "k", body: "x"))
        await connection.close()
        try await running
        var iterator = stuck.makeAsyncIterator()
        #expect(try await iterator.next() == nil)
      }
    }
  }

  @Test(
    "A consumer that is ended while it is brought back is cancelled at the broker, and what came meanwhile goes back")
  func endedWhileBroughtBack() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(_, .basicConsume(let consume)) = frame else { return false }
        return consume.queue == "slow"
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let slow = try await channel.consume("slow", options: .init(consumerTag: "tag"))
          let states = connection.states()
          try await broker.withPeer { $0.hangUp() }
          for await state in states { if case .recovering = state { break } }
          await broker.wait {
            $0.count { if case .method(_, .basicConsume) = $0 { true } else { false } } == 2
          }
          await slow.cancel()
          try await broker.withPeer { peer in
            peer.send(.basicConsumeOk(consumerTag: "tag"), on: 1)
            peer.send(
              .basicDeliver(
                .init(consumerTag: "tag", deliveryTag: 1, redelivered: false, exchange: "", routingKey: "k")),
              AMQPProperties(), "x", on: 1)
          }
          await broker.wait {
            $0.contains(.method(channel: 1, .basicNack(deliveryTag: 1, multiple: false, requeue: true)))
          }
          await broker.wait { $0.contains(.method(channel: 1, .basicCancel(consumerTag: "tag", noWait: false))) }
          // The channel works on, and the name is free.
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          _ = try await channel.consume("fine", options: .init(consumerTag: "tag"))
        }
        #expect(broker.connections == 2)
      }
    }
  }

  @Test("A consumer whose end was asked for when the connection was lost does not come back")
  func endedAtLoss() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(_, .basicCancel) = frame else { return false }
        peer.hangUp()
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          try await channel.consume("q").cancel()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          try await channel.consume("q").stop()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.connections == 3)
        #expect(broker.methods.count { if case .basicConsume = $0 { true } else { false } } == 2)
      }
    }
  }

  @Test("A consumer whose start is never answered costs its call, and its channel works again soon after")
  func unansweredStart() async throws {
    try await within {
      try await FakeBroker.run({ _, frame in
        if case .method(_, .basicConsume) = frame { true } else { false }
      }) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = .seconds(4)
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let error = await amqpError { _ = try await channel.consume("q", options: .init(consumerTag: "tag")) }
          #expect(error?.code == .replyTimeout)
          // Not answered on the channel's old number, which the broker is told to close.
          _ = try await channel.queueInfo("q")
          await broker.wait { $0.contains(.method(channel: 1, .channelClose(.normal))) }
        }
        #expect(broker.connections == 1)
      }
    }
  }

  @Test("What the broker still sends to a consumer that is being cancelled goes back to its queue")
  func lateDeliveries() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicCancel(let tag, _)) = frame else { return false }
        for number in 1...2 as ClosedRange<UInt64> {
          peer.send(
            .basicDeliver(
              .init(consumerTag: tag, deliveryTag: number, redelivered: false, exchange: "", routingKey: "k")),
            AMQPProperties(), "late", on: channel)
        }
        return false
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q")
          await deliveries.cancel()
          await broker.wait { $0.count { if case .method(_, .basicNack) = $0 { true } else { false } } == 2 }
          let returned = broker.methods.filter { if case .basicNack = $0 { true } else { false } }
          #expect(returned == (1...2).map { .basicNack(deliveryTag: $0, multiple: false, requeue: true) })
          var iterator = deliveries.makeAsyncIterator()
          #expect(try await iterator.next() == nil)
        }
      }
    }
  }

  @Test("Deliveries without acknowledgement stop the socket when no task takes them, and start it again")
  func backPressure() async throws {
    try await within {
      let total = 20_000
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        peer.send(.basicConsumeOk(consumerTag: consume.consumerTag), on: channel)
        for tag in 1...total {
          peer.send(
            .basicDeliver(
              .init(
                consumerTag: consume.consumerTag, deliveryTag: UInt64(tag), redelivered: false, exchange: "",
                routingKey: "k")), AMQPProperties(), String(repeating: "x", count: 1000), on: channel)
        }
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          try await connection.consume("q", options: .init(noAck: true)) { deliveries in
            // The mark is 1,024; one read may bring some more.
            await eventually { deliveries.consumer.machine.withLock { $0.isHolding } }
            #expect(deliveries.consumer.machine.withLock { $0.buffered } < 2000)
            var count = 0
            for try await _ in deliveries {
              count += 1
              if count == total { break }
            }
            #expect(count == total)
          }
        }
      }
    }
  }

  @Test("What came in the read that ended the connection does not keep the consumer from what the next one brings")
  func lossInTheSameRead() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        peer.send(.basicConsumeOk(consumerTag: consume.consumerTag), on: channel)
        if peer.index > 0 { peer.deliver(1, to: consume.consumerTag, "again", on: channel) }
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q", options: .init(consumerTag: "c"))
          try await broker.withPeer { peer in
            var bytes = ByteBuffer()
            let deliver = BasicDeliver(
              consumerTag: "c", deliveryTag: 1, redelivered: false, exchange: "", routingKey: "k")
            try? FrameWriter.write(.basicDeliver(deliver), channel: 1, to: &bytes)
            try? FrameWriter.writeHeader(AMQPProperties(), bodySize: 0, channel: 1, to: &bytes)
            let reason = CloseReason(replyCode: 320, replyText: "CONNECTION_FORCED", classID: 0, methodID: 0)
            try? FrameWriter.write(.connectionClose(reason), channel: 0, to: &bytes)
            peer.send(bytes)
          }
          var iterator = deliveries.makeAsyncIterator()
          #expect(try await iterator.next()?.text == "again")
        }
      }
    }
  }

  @Test("A consumer whose tag is empty gets one of ours: the broker would choose one that is unknown here")
  func emptyTag() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        let tag = consume.consumerTag.isEmpty ? "amq.ctag-1" : consume.consumerTag
        peer.send(.basicConsumeOk(consumerTag: tag), on: channel)
        peer.deliver(1, to: tag, "x", on: channel)
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.recovery = .none
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          var iterator = try await channel.consume("q", options: .init(consumerTag: "")).makeAsyncIterator()
          #expect(try await iterator.next()?.text == "x")
        }
      }
    }
  }

  @Test("A delivery that overtakes the end of its consumer goes back to its queue and costs nothing else")
  func deliveryBehindTheEnd() async throws {
    try await within(.seconds(20)) {
      let count = Atomic<UInt64>(0)
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicCancel(let tag, _)) = frame else { return false }
        peer.send(.basicCancelOk(consumerTag: tag), on: channel)
        peer.deliver(count.add(1, ordering: .relaxed).newValue, to: tag, "late", on: channel)
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.recovery = .none
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          try await channel.consume("q").cancel()
          await broker.wait {
            $0.contains(.method(channel: 1, .basicNack(deliveryTag: 1, multiple: false, requeue: true)))
          }
          // The tags are counted on, and what needs no acknowledgement has nowhere to go back to.
          try await channel.consume("q", options: .init(noAck: true)).cancel()
          _ = try await channel.queueInfo("q")
        }
        #expect(broker.count { if case .basicNack = $0 { true } else { false } } == 1)
      }
    }
  }
}
