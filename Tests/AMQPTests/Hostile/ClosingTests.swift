import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// What the broker sent before it learned of an end that was decided here.
@Suite("Ends that cross on the wire")
struct ClosingTests {
  private static let delivery = BasicDeliver(
    consumerTag: "tag", deliveryTag: 1, redelivered: false, exchange: "", routingKey: "k")

  /// Runs `body` in a task, and cancels it as soon as the broker has seen what fulfils `condition`. `meanwhile` runs before
  /// the task has to end.
  private func cancelled(
    _ broker: FakeBroker, when condition: @escaping @Sendable ([Frame]) -> Bool,
    _ body: @escaping @Sendable () async throws -> Void, meanwhile: () async throws -> Void = {}
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await body() }
      await broker.wait(until: condition)
      group.cancelAll()
      try await meanwhile()
      try await group.waitForAll()
    }
  }

  @Test("Frames for a channel that a cancelled task closes are dropped, and its number rests until the broker agreed")
  func lateFrames() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let number, .channelClose) = frame, number == 1 else { return false }
        // A whole message and a cancel, still on their way when the broker read the close.
        peer.send(.basicDeliver(Self.delivery), .persistent, "late", on: number)
        peer.send(.basicCancel(consumerTag: "tag", noWait: true), on: number)
        // It agrees later.
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          try await cancelled(broker, when: { $0.contains { $0.isConsume } }) {
            try await connection.withChannel { channel in
              for try await _ in try await channel.consume("q", options: .init(consumerTag: "tag")) {}
            }
          } meanwhile: {
            await broker.wait { $0.contains { if case .method(1, .channelClose) = $0 { true } else { false } } }
            try await connection.withChannel { try await $0.publish(AMQPMessage(routingKey: "k", body: "x")) }
            try await broker.withPeer { $0.send(.channelCloseOk, on: 1) }
          }
        }
        #expect(broker.connections == 1)
        let opened = broker.frames.compactMap { frame -> UInt16? in
          if case .method(let number, .channelOpen) = frame { number } else { nil }
        }
        #expect(opened == [1, 2])
      }
    }
  }

  @Test("Closing a connection in a task that was cancelled returns when the connection is closed, not before")
  func closingInACancelledTask() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(0, .connectionClose) = frame else { return false }
        // It agrees a little later, and not before the task had time to return.
        peer.channel.eventLoop.scheduleTask(in: .milliseconds(50)) { peer.send(.connectionCloseOk) }
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.closeTimeout = .seconds(30)
        let connection = AMQPConnection(configuration)
        let run = Task { try await connection.run() }
        try await connection.waitUntilOpen()
        let closing = Task {
          withUnsafeCurrentTask { $0?.cancel() }
          await connection.close()
          return (wasCancelled: Task.isCancelled, state: connection.state)
        }
        let seen = await closing.value
        #expect(seen.wasCancelled)
        #expect(seen.state == .closed)
        #expect(broker.methods.contains { if case .connectionClose = $0 { true } else { false } })
        try await run.value
      }
    }
  }

  @Test("When both sides close a channel at once, the broker's answer to our close is still expected")
  func bothClose() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(1, .channelClose) = frame else { return false }
        peer.send(
          .channelClose(CloseReason(replyCode: 404, replyText: "NOT_FOUND", classID: 60, methodID: 40)), on: 1)
        return false
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          try await connection.withChannel { _ in }
          try await connection.withChannel { try await $0.publish(AMQPMessage(routingKey: "k", body: "x")) }
        }
        #expect(broker.connections == 1)
        #expect(broker.frames.contains { $0 == .method(channel: 1, .channelCloseOk) })
      }
    }
  }

  @Test("A consumer that a cancelled task ends is known until the broker agreed: what comes meanwhile goes back")
  func lateDelivery() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let number, .basicCancel) = frame else { return false }
        peer.send(.basicDeliver(Self.delivery), .persistent, "late", on: number)
        return false
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          try await cancelled(broker, when: { $0.contains { $0.isConsume } }) {
            let deliveries = try await channel.consume("q", options: .init(consumerTag: "tag"))
            for try await _ in deliveries {}
            await deliveries.cancel()
          }
          await broker.wait { $0.contains { $0.method == .basicNack(deliveryTag: 1, multiple: false, requeue: true) } }
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.connections == 1)
      }
    }
  }

  @Test("A consumer whose start was given up is ended, and what it was sent goes back")
  func abandonedStart() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        // The answer comes only when the start was given up, with a delivery behind it.
        frame.isConsume
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          try await cancelled(broker, when: { $0.contains { $0.isConsume } }) {
            _ = try await channel.consume("q", options: .init(consumerTag: "tag"))
          }
          try await broker.withPeer { peer in
            peer.send(.basicConsumeOk(consumerTag: "tag"), on: 1)
            peer.send(.basicDeliver(Self.delivery), .persistent, "late", on: 1)
          }
          await broker.wait { frames in
            frames.contains { $0.method == .basicCancel(consumerTag: "tag", noWait: false) }
              && frames.contains { $0.method == .basicNack(deliveryTag: 1, multiple: false, requeue: true) }
          }
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.connections == 1)
      }
    }
  }

  @Test("A second consumer of the same tag is refused here: the broker would close the connection")
  func sameTag() async throws {
    try await within {
      try await FakeBroker.run { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let first = try await channel.consume("q", options: .init(consumerTag: "tag"))
          let error = await amqpError { _ = try await channel.consume("q", options: .init(consumerTag: "tag")) }
          #expect(error?.code == .invalidArgument)
          await first.cancel()
          await (try channel.consume("q", options: .init(consumerTag: "tag"))).cancel()
        }
        #expect(broker.connections == 1)
      }
    }
  }

  /// Where the opening of a connection stops.
  static let places = ["connection.start", "connection.tune", "connection.open", "channel.open", "queue.declare"]

  @Test("Closing does not wait for a connection that is being opened, wherever that is", arguments: places)
  func closingWhileOpening(_ place: String) async throws {
    try await within(.seconds(20)) {
      let isThere = Atomic(false)
      try await FakeBroker.run(
        { _, frame in
          let stops =
            switch frame {
            case .method(0, .connectionStartOk): place == "connection.tune"
            case .method(0, .connectionOpen): place == "connection.open"
            case .method(_, .channelOpen): place == "channel.open"
            case .method(_, .queueDeclare): place == "queue.declare"
            default: false
            }
          if stops { isThere.store(true, ordering: .relaxed) }
          return stops
        },
        onAccept: { _ in
          guard place == "connection.start" else { return true }
          isThere.store(true, ordering: .relaxed)
          return false
        }
      ) { broker in
        var configuration = broker.configuration
        configuration.closeTimeout = .seconds(15)
        configuration.topology = AMQPTopology(queues: [.init("q")])
        let connection = AMQPConnection(configuration)
        let running = Task { try await connection.run() }
        await eventually { isThere.load(ordering: .relaxed) }
        let start = ContinuousClock.now
        await connection.close()
        try await running.value
        #expect(ContinuousClock.now - start < .seconds(5))
      }
    }
  }
}

extension Frame {
  fileprivate var method: Method? { if case .method(_, let method) = self { method } else { nil } }
  fileprivate var isConsume: Bool { if case .basicConsume = method { true } else { false } }
}
