import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// Losses in the middle of things, against a broker in this process that loses on purpose.
@Suite("Faults")
struct FaultTests {
  private func isPublish(_ frame: Frame) -> Bool { if case .body = frame { true } else { false } }

  @Test("Publishes on the wire when the connection is lost are unknown, those behind them are sent afterwards")
  func unknown() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard peer.index == 0, case .body = frame else { return false }
        peer.hangUp()
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel(.init(maxOutstanding: 2))
          let results = await channel.publish((0..<5).map { AMQPMessage(routingKey: "\($0)", body: "x") })
          for (index, result) in results.enumerated() {
            switch result {
            case .unknown(let error):
              #expect(index < 2)
              #expect((error.underlying as? AMQPError)?.code == .connectionLost)
              #expect(error.isRetryable)
            case .confirmed: #expect(index >= 2)
            default: Issue.record("\(result)")
            }
          }
        }
        #expect(broker.connections >= 2)
      }
    }
  }

  @Test("What prefers the connection's executor stays on its event loop, through a loss and a cancellation too")
  func onTheLoop() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .body = frame, peer.index == 0 else { return false }
        peer.hangUp()
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          try await withTaskExecutorPreference(connection.executor) {
            #expect(connection.eventLoop.inEventLoop)
            let channel = try await connection.openChannel(.init(resendsUnknown: true))
            try await channel.publish(AMQPMessage(routingKey: "k", properties: .init(messageID: "id"), body: "x"))
            #expect(connection.eventLoop.inEventLoop)
            let results = await channel.publish(Array(repeating: AMQPMessage(routingKey: "k", body: "x"), count: 300))
            #expect(results.allSatisfy { $0.isConfirmed })
            let deliveries = try await channel.consume("q")
            await withThrowingTaskGroup(of: Void.self) { group in
              group.addTask {
                #expect(connection.eventLoop.inEventLoop)
                for try await _ in deliveries {}
                #expect(connection.eventLoop.inEventLoop)
              }
              await Task.yield()
              group.cancelAll()
            }
            await channel.close()
          }
        }
        #expect(broker.connections == 2)
      }
    }
  }

  @Test("Asked to, a channel sends unknown publishes again under the same message id, marked")
  func resend() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard peer.index < 3, case .body = frame else { return false }
        peer.hangUp()
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel(.init(resendsUnknown: true))
          try await channel.publish(AMQPMessage(routingKey: "k", properties: .init(messageID: "id"), body: "x"))
          let without = broker.connections
          #expect(without == 4)
        }
        let headers = broker.frames.compactMap { frame -> AMQPProperties? in
          if case .header(_, _, let properties) = frame { properties } else { nil }
        }
        #expect(headers.count == 4)
        #expect(headers.allSatisfy { $0.messageID == "id" })
        #expect(headers.map { $0.headers?["x-republished"]?.bool == true } == [false, true, true, true])
      }
    }
  }

  @Test("Nack, return, and a return that waits for its confirm each reach their own publish")
  func outcomes() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        switch frame {
        case .body(let channel, let body):
          peer.published[channel, default: 0] += 1
          let number = peer.published[channel] ?? 0
          if String(buffer: body) == "nack" {
            peer.send(.basicNack(deliveryTag: number, multiple: false, requeue: false), on: channel)
          } else {
            if String(buffer: body) == "return" {
              let properties = AMQPProperties(headers: ["x-publish-sequence": .int64(Int64(number))])
              peer.send(
                .basicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "k"), properties,
                "return",
                on: channel)
            }
            peer.send(.basicAck(deliveryTag: number, multiple: false), on: channel)
          }
          return true
        default: return false
        }
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let bodies = ["ok", "return", "nack", "ok", "return"]
          let results = await channel.publish(bodies.map { AMQPMessage(routingKey: "k", body: $0) })
          for (body, result) in zip(bodies, results) {
            switch result {
            case .confirmed: #expect(body == "ok")
            case .unroutable: #expect(body == "return")
            case .nacked: #expect(body == "nack")
            default: Issue.record("\(result)")
            }
          }
          let error = await amqpError { try await channel.publish(AMQPMessage(routingKey: "k", body: "nack")) }
          #expect(error?.code == .nacked)
        }
      }
    }
  }

  @Test("A confirm that does not come ends the publish as unknown; the late confirm does no harm")
  func deadline() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .body(let channel, let body) = frame, String(buffer: body) == "hang" else { return false }
        peer.published[channel, default: 0] += 1
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel(.init(maxOutstanding: 1))
          // Confirm mode is on after this one, so that the next one's time is spent on the wire.
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          let error = await amqpError {
            try await channel.publish(AMQPMessage(routingKey: "k", body: "hang"), timeout: .milliseconds(400))
          }
          #expect(error?.code == .unknownOutcome)
          // Its place in the window is free again.
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          async let third: Void = channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          try await broker.withPeer { $0.send(.basicAck(deliveryTag: 2, multiple: false), on: 1) }
          try await third
        }
      }
    }
  }

  @Test("A cancelled task stops waiting at once, and its slot stays its own")
  func cancellation() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .body(let channel, let body) = frame, String(buffer: body) == "hang" else { return false }
        peer.published[channel, default: 0] += 1
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let task = Task { await amqpError { try await channel.publish(AMQPMessage(routingKey: "k", body: "hang")) } }
          await broker.wait { $0.contains { if case .body = $0 { true } else { false } } }
          task.cancel()
          #expect(await task.value?.code == .cancelled)
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
      }
    }
  }

  @Test("A blocked connection holds publishes back and nothing else; the state tells")
  func blocked() async throws {
    try await within {
      try await FakeBroker.run { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          try await broker.withPeer { $0.send(.connectionBlocked(reason: "low on memory")) }
          for await state in connection.states() { if case .blocked = state { break } }
          let error = await amqpError {
            try await channel.publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .milliseconds(50))
          }
          #expect(error?.code == .publishTimeout)
          #expect(error?.message.contains("low on memory") == true)
          try await channel.declareQueue("q")
          async let published: Void = channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          try await broker.withPeer { $0.send(.connectionUnblocked) }
          try await published
          try await broker.withPeer { $0.send(.channelFlow(active: false), on: 1) }
          try await channel.declareQueue("q")
          let flow = await amqpError {
            try await channel.publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .milliseconds(50))
          }
          #expect(flow?.code == .publishTimeout)
          try await broker.withPeer { $0.send(.channelFlow(active: true), on: 1) }
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.methods.contains(.channelFlowOk(active: false)))
      }
    }
  }

  @Test("Confirm mode that was not granted in time is asked for again")
  func confirmModeAgain() async throws {
    try await within {
      let asked = Atomic(0)
      try await FakeBroker.run({ _, frame in
        guard case .method(_, .confirmSelect) = frame else { return false }
        return asked.add(1, ordering: .relaxed).newValue == 1
      }) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = .seconds(1)
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          async let published: Void = channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          await broker.wait { $0.contains(.method(channel: 1, .confirmSelect(noWait: false))) }
          // Made later, so given up later.
          #expect(await amqpError { _ = try await channel.queueInfo("q") }?.code == .replyTimeout)
          // Late, as from a broker that was busy.
          try await broker.withPeer { $0.send(.confirmSelectOk, on: 1) }
          try await published
        }
      }
    }
  }

  @Test("A declaration that fails keeps no other from being made, and is the reason why the first connection fails")
  func failedDeclaration() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .queueDeclare(let declare)) = frame, declare.queue == "b" else { return false }
        peer.send(
          .channelClose(CloseReason(replyCode: 406, replyText: "PRECONDITION_FAILED", classID: 50, methodID: 10)),
          on: channel)
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.topology = AMQPTopology(queues: [.init("a"), .init("b"), .init("c")])
        let error = await amqpError { [configuration] in
          try await AMQPConnection.withConnection(configuration) { _ in }
        }
        #expect(error?.replyCode == 406)
        let declared = broker.methods.compactMap { if case .queueDeclare(let it) = $0 { it.queue } else { nil } }
        #expect(declared == ["a", "b", "c"])
        #expect(broker.connections == 1)
      }
    }
  }

  @Test("A channel closed by the broker ends its consumers with the reason and works on under a new generation")
  func channelClose() async throws {
    try await within {
      try await FakeBroker.run { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q")
          try await broker.withPeer {
            $0.send(.channelClose(CloseReason(replyCode: 406, replyText: "PRECONDITION_FAILED - timeout")), on: 1)
          }
          let error = await amqpError { for try await _ in deliveries {} }
          #expect(error?.code == .channelClosedByServer)
          #expect(error?.replyCode == 406)
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.methods.contains(.channelCloseOk))
      }
    }
  }

  @Test("A connection lost while it is restored is restored again, and gives up when it may not go on")
  func lossDuringRecovery() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard (1...4).contains(peer.index), case .method(_, .queueDeclare) = frame else { return false }
        peer.hangUp()
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.topology = AMQPTopology(queues: [.init("q")])
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          try await broker.withPeer { $0.hangUp() }
          for await state in connection.states() { if case .recovering = state { break } }
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.connections == 6)
      }
    }
  }

  @Test("A connection lost in the moment when it opens does not leave a channel behind")
  func lossAtOpening() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard (1...30).contains(peer.index), case .method(0, .connectionOpen) = frame else { return false }
        peer.send(.connectionOpenOk)
        peer.hangUp()
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          try await broker.withPeer { $0.hangUp() }
          for await state in connection.states() { if case .recovering = state { break } }
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .seconds(10))
        }
      }
    }
  }

  @Test("When recovery gives up, consumers, publishers and run() learn the reason")
  func givesUp() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(0, .connectionOpen) = frame else { return false }
        peer.hangUp()
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.recovery.maxAttempts = 3
        let connection = AMQPConnection(configuration)
        async let running: Void = connection.run()
        try await connection.waitUntilOpen()
        let channel = try await connection.openChannel()
        let deliveries = try await channel.consume("q")
        try await broker.withPeer { $0.hangUp() }
        let consumed = await amqpError { for try await _ in deliveries {} }
        #expect(consumed?.code == .handshakeFailed)
        let published = await amqpError { try await channel.publish(AMQPMessage(routingKey: "k", body: "x")) }
        #expect(published?.code == .handshakeFailed)
        do {
          try await running
          Issue.record("run() returned")
        } catch { #expect((error as? AMQPError)?.code == .handshakeFailed) }
        #expect(broker.connections == 4)
        if case .failed = connection.state {} else { Issue.record("\(connection.state)") }
      }
    }
  }

  @Test("Channel numbers run out with an error and come back when channels close")
  func channelNumbers() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        if case .method(0, .connectionStartOk) = frame { peer.tune.channelMax = 2 }
        return false
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let first = try await connection.openChannel()
          _ = try await connection.openChannel()
          let error = await amqpError { _ = try await connection.openChannel() }
          #expect(error?.code == .noFreeChannel)
          await first.close()
          await first.close()
          _ = try await connection.openChannel()
          let closed = await amqpError { try await first.publish(AMQPMessage(routingKey: "k", body: "x")) }
          #expect(closed?.code == .channelClosed)
        }
      }
    }
  }

  @Test("Closing waits for the confirms that are due, then closes; everything after that is refused")
  func closing() async throws {
    try await within {
      try await FakeBroker.run { broker in
        var configuration = broker.configuration
        configuration.closeTimeout = .seconds(15)
        let connection = AMQPConnection(configuration)
        #expect(await amqpError { _ = try await connection.openChannel() }?.code == .notRunning)
        async let running: Void = connection.run()
        try await connection.waitUntilOpen()
        let channel = try await connection.openChannel()
        async let results = channel.publish((0..<100).map { _ in AMQPMessage(routingKey: "k", body: "x") })
        await broker.wait { $0.contains { if case .body = $0 { true } else { false } } }
        await connection.close()
        try await running
        #expect(await results.allSatisfy { $0.isConfirmed })
        #expect(broker.methods.contains { if case .connectionClose = $0 { true } else { false } })
        let late = await amqpError { try await channel.publish(AMQPMessage(routingKey: "k", body: "x")) }
        #expect(late?.code == .connectionClosed || late?.code == .channelClosed)
        #expect(await amqpError { try await connection.run() }?.code == .invalidConfiguration)
      }
    }
  }

  @Test("Without a broker the first connection fails at once, and with patience it waits for one")
  func noBroker() async throws {
    try await within {
      let port = try await FakeBroker.run { $0.port }
      var configuration = AMQPConfiguration(endpoints: [.init(host: "127.0.0.1", port: port)])
      let error = await amqpError { try await AMQPConnection.withConnection(configuration) { _ in } }
      #expect(error?.code == .connectFailed)
      configuration.recovery = AMQPRecoveryPolicy(
        firstBound: .milliseconds(1), lastBound: .milliseconds(5), maxAttempts: 5, retriesFirstConnect: true)
      let patient = configuration
      let late = await amqpError { try await AMQPConnection.withConnection(patient) { _ in } }
      #expect(late?.code == .connectFailed)
      // The second endpoint is alive.
      try await FakeBroker.run { broker in
        var several = broker.configuration
        several.endpoints.append(.init(host: "127.0.0.1", port: port))
        for _ in 0..<5 { try await AMQPConnection.withConnection(several) { _ in } }
      }
    }
  }

  @Test("While the broker takes nothing, a request that is not answered costs its call and no delivery")
  func blockedRequest() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        switch frame {
        case .method(let channel, .basicConsume(let consume)):
          peer.accept(consume, deliver: ["x"], on: channel)
          peer.send(.connectionBlocked(reason: "low on memory"))
        case .method(_, .queueDeclare(let declare)): return declare.queue == "q"
        default: return false
        }
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = .seconds(2)
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          var iterator = try await channel.consume("c").makeAsyncIterator()
          let delivery = try await iterator.next()
          for await state in connection.states() { if case .blocked = state { break } }
          for _ in 0..<2 {
            #expect(await amqpError { _ = try await channel.queueInfo("q") }?.code == .replyTimeout)
          }
          try await broker.withPeer { peer in
            peer.send(.connectionUnblocked)
            // RabbitMQ reads what has gathered, and answers it.
            peer.send(.queueDeclareOk(queue: "q", messages: 0, consumers: 0), on: 1)
          }
          await broker.wait {
            $0.count { if case .method(_, .queueDeclare) = $0 { true } else { false } } > 0
          }
          for await state in connection.states() { if case .open = state { break } }
          #expect(delivery?.ack() == .accepted)
        }
        #expect(broker.count { if case .channelClose = $0 { true } else { false } } == 0)
      }
    }
  }
}
