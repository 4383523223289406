import Logging
import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// What those who run a program see of its connection.
@Suite("What can be seen of a connection")
struct ObservingTests {
  /// Keeps what is logged.
  private struct Log: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.all.withLock { $0.append((event.level, "\(event.message) \(event.metadata ?? [:])")) }
    }
  }

  final class Lines: Sendable {
    let all = Mutex<[(level: Logger.Level, text: String)]>([])
    func count(_ level: Logger.Level, _ text: String) -> Int {
      all.withLock { $0.count { $0.level == level && $0.text.contains(text) } }
    }
  }

  static func logging(_ broker: FakeBroker) -> (AMQPConfiguration, Lines) {
    let lines = Lines()
    var configuration = broker.configuration
    configuration.logger = Logger(label: "test") { _ in Log(lines: lines) }
    return (configuration, lines)
  }

  @Test("Gauges say what is unconfirmed and unsettled, how many channels there are and whether the broker is blocked")
  func gauges() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        if case .body = frame { return true }
        guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        peer.accept(consume, deliver: ["1", "2", "3"], on: channel)
        return true
      }) { broker in
        let metrics = TestMetrics()
        var configuration = broker.configuration
        configuration.metricsFactory = metrics
        try await AMQPConnection.withConnection(configuration) { connection in
          let publisher = try await connection.openChannel()
          let results = Task {
            await publisher.publish([AMQPMessage(routingKey: "k", body: "1"), AMQPMessage(routingKey: "k", body: "2")])
          }
          await broker.wait { $0.count { if case .body = $0 { true } else { false } } == 2 }
          let consumer = try await connection.openChannel()
          var iterator = try await consumer.consume("q").makeAsyncIterator()
          #expect(try await iterator.next()?.ack() == .accepted)
          // The other two may come with a later read than the first.
          await eventually {
            await connection.recordGauges()
            return metrics.value("amqp.deliveries.unsettled") == 2
          }
          #expect(metrics.value("amqp.publishes.outstanding") == 2)
          #expect(metrics.value("amqp.channels") == 2)
          #expect(metrics.value("amqp.blocked") == 0)
          #expect(metrics.value("amqp.open") == 1)
          #expect(metrics.value("amqp.confirm.latency") == nil)
          try await broker.withPeer { peer in
            peer.send(.basicAck(deliveryTag: 2, multiple: true), on: 1)
            peer.send(.connectionBlocked(reason: "low on memory"))
          }
          #expect(await results.value.allSatisfy { $0.isConfirmed })
          for await state in connection.states() { if case .blocked = state { break } }
          await connection.recordGauges()
          #expect(metrics.value("amqp.publishes.outstanding") == 0)
          #expect(metrics.value("amqp.blocked") == 1)
          #expect((metrics.value("amqp.confirm.latency") ?? 0) > 0)
        }
        #expect(metrics.value("amqp.open") == 0)
        #expect(metrics.value("amqp.channels") == 0)
      }
    }
  }

  @Test("A loss is a warning with its reason, the return a notice with how long it took")
  func lossAndReturn() async throws {
    try await within {
      try await FakeBroker.run { broker in
        let (configuration, lines) = Self.logging(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          #expect(lines.count(.warning, "") == 0)
          try await broker.withPeer { $0.close(320, "CONNECTION_FORCED - going down") }
          await eventually { lines.count(.notice, "is back") == 1 }
          #expect(lines.count(.warning, "lost") == 1)
          #expect(lines.count(.warning, "going down") == 1)
          #expect(lines.count(.notice, "away") == 1)
        }
      }
    }
  }

  @Test("A refusal that only a user can correct is logged as an error, and holds no password")
  func refusal() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard (1...2).contains(peer.index), case .method(0, .connectionStartOk) = frame else { return false }
        peer.close(403, "ACCESS_REFUSED - Login was refused")
        return true
      }) { broker in
        var (configuration, lines) = Self.logging(broker)
        configuration.credentials = .plain(user: "u", password: "secret-word")
        try await AMQPConnection.withConnection(configuration) { connection in
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
        }
        #expect(lines.count(.error, "ACCESS_REFUSED") == 2)
        #expect(lines.all.withLock { $0.allSatisfy { !$0.text.contains("secret-word") } })
      }
    }
  }

  @Test("States can be compared")
  func states() {
    #expect(AMQPConnectionState.open == .open)
    #expect(AMQPConnectionState.blocked(reason: "a") != .blocked(reason: "b"))
    let lost = AMQPError(.connectionLost, "lost", underlying: CancellationError())
    #expect(AMQPConnectionState.recovering(lost) == .recovering(AMQPError(.connectionLost, "lost")))
    #expect(AMQPConnectionState.recovering(lost) != .failed(lost))
  }

  @Test("A peer that breaks the protocol is one warning")
  func violation() async throws {
    try await within {
      try await FakeBroker.run { broker in
        let (configuration, lines) = Self.logging(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          try await broker.withPeer { $0.send([1, 2, 3, 4, 5, 6, 7, 8, 9]) }
          await eventually { lines.count(.notice, "is back") == 1 }
          #expect(lines.count(.warning, "") == 1)
        }
      }
    }
  }

  @Test("While a lost connection cannot be opened, nothing but its loss is a warning")
  func refusedAfterALoss() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard (1...3).contains(peer.index), case .method(0, .connectionOpen) = frame else { return false }
        peer.hangUp()
        return true
      }) { broker in
        let (configuration, lines) = Self.logging(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          try await broker.hangUp(on: connection)
          await eventually { lines.count(.notice, "is back") == 1 }
          #expect(broker.connections == 5)
          #expect(lines.count(.warning, "") == 1)
        }
      }
    }
  }

  @Test("A channel that waits for a free number is one warning, and a notice when it has one")
  func waitForANumber() async throws {
    try await within {
      try await FakeBroker.run(onAccept: { peer in
        peer.tune.channelMax = peer.index == 0 ? 2 : 1
        return true
      }) { broker in
        let (configuration, lines) = Self.logging(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          let first = try await connection.openChannel()
          let second = try await connection.openChannel()
          try await broker.hangUp(on: connection)
          let error = await amqpError {
            try await second.publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .seconds(1))
          }
          #expect(error?.code == .publishTimeout)
          #expect(lines.count(.warning, "channel does not come back yet") == 1)
          await first.close()
          try await second.publish(AMQPMessage(routingKey: "k", body: "x"))
          #expect(lines.count(.notice, "channel is back") == 1)
        }
      }
    }
  }
}
