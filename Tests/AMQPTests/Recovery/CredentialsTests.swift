import Logging
import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// Credentials that do not last.
@Suite("Credentials that change")
struct CredentialsTests {
  private static func secrets(_ broker: FakeBroker) -> [String] {
    broker.methods.compactMap { method in
      switch method {
      case .connectionStartOk(_, _, let response, _):
        String(buffer: response).split(separator: "\0").last.map(String.init)
      case .connectionUpdateSecret(let secret, _): "updated to " + String(buffer: secret)
      default: nil
      }
    }
  }

  private static let takingSecrets: FakeBroker.Script = { peer, frame in
    guard case .method(0, .connectionUpdateSecret) = frame else { return false }
    peer.send(.connectionUpdateSecretOk)
    return true
  }

  @Test("The provider is asked at each attempt to connect")
  func eachConnect() async throws {
    try await within {
      try await FakeBroker.run { broker in
        let count = Atomic(0)
        var configuration = broker.configuration
        configuration.credentialsProvider = AMQPCredentialsProvider {
          .init(.plain(user: "u", password: "token-\(count.add(1, ordering: .relaxed).newValue)"))
        }
        try await AMQPConnection.withConnection(configuration) { connection in
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
        }
        #expect(Self.secrets(broker) == ["token-1", "token-2"])
      }
    }
  }

  @Test("Before they expire the broker is told new ones, again and again")
  func renewed() async throws {
    try await within {
      try await FakeBroker.run(Self.takingSecrets) { broker in
        let count = Atomic(0)
        var configuration = broker.configuration
        configuration.credentialsProvider = AMQPCredentialsProvider {
          .init(
            .plain(user: "u", password: "token-\(count.add(1, ordering: .relaxed).newValue)"),
            validFor: .milliseconds(40))
        }
        try await AMQPConnection.withConnection(configuration) { _ in
          await broker.wait {
            $0.count { if case .method(0, .connectionUpdateSecret) = $0 { true } else { false } } >= 2
          }
        }
        #expect(Self.secrets(broker).prefix(3) == ["token-1", "updated to token-2", "updated to token-3"])
        #expect(broker.connections == 1)
      }
    }
  }

  @Test("A provider that fails is asked again, and one that hangs does not keep the connection from closing")
  func failing() async throws {
    struct Vault: Error {}
    try await within {
      try await FakeBroker.run { broker in
        let count = Atomic(0)
        var configuration = broker.configuration
        configuration.recovery.retriesFirstConnect = true
        configuration.credentialsProvider = AMQPCredentialsProvider {
          if count.add(1, ordering: .relaxed).newValue < 3 { throw Vault() }
          return .init(.guest)
        }
        try await AMQPConnection.withConnection(configuration) { _ in }
        configuration.recovery.retriesFirstConnect = false
        configuration.credentialsProvider = AMQPCredentialsProvider { throw Vault() }
        let settings = configuration
        let error = await amqpError { try await AMQPConnection.withConnection(settings) { _ in } }
        #expect(error?.code == .connectFailed)
        #expect(error?.underlying is Vault)

        configuration.connectTimeout = .seconds(600)
        let isAsked = Atomic(false)
        configuration.credentialsProvider = AMQPCredentialsProvider {
          isAsked.store(true, ordering: .relaxed)
          try await Task.sleep(for: .seconds(600))
          return .init(.guest)
        }
        let connection = AMQPConnection(configuration)
        let running = Task { try await connection.run() }
        await eventually { isAsked.load(ordering: .relaxed) }
        await connection.close()
        try await running.value
      }
    }
  }

  @Test("A secret that is given by hand is told to the broker and used for the next connection")
  func byHand() async throws {
    try await within {
      try await FakeBroker.run(Self.takingSecrets) { broker in
        let configuration = Self.configuration(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          try await connection.updateSecret("new")
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
        }
        #expect(Self.secrets(broker) == ["old", "updated to new", "new"])
      }
    }
  }

  @Test("A secret that the broker refuses, does not answer or cannot be sent is that call's error")
  func refused() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(0, .connectionUpdateSecret(let secret, _)) = frame else { return false }
        guard String(buffer: secret) == "bad" else { return true }
        // Late, but in order.
        peer.send(.connectionUpdateSecretOk)
        Self.end(peer, over: .connectionUpdateSecret(secret: secret, reason: ""))
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = .seconds(1)
        try await AMQPConnection.withConnection(configuration) { connection in
          #expect(await amqpError { try await connection.updateSecret("slow") }?.code == .replyTimeout)
          let long = String(repeating: "x", count: 200_000)
          #expect(await amqpError { try await connection.updateSecret(long) }?.code == .invalidArgument)
          #expect(await amqpError { try await connection.updateSecret("bad") }?.replyCode == 530)
          try await connection.waitUntilOpen()
        }
      }
    }
  }

  @Test("A provider that hangs while the connection is open does not keep it from coming back")
  func hangsWhileOpen() async throws {
    try await within {
      try await FakeBroker.run(Self.takingSecrets) { broker in
        let count = Atomic(0)
        let isHanging = Atomic(false)
        var configuration = broker.configuration
        configuration.connectTimeout = .seconds(600)
        configuration.credentialsProvider = AMQPCredentialsProvider {
          if count.add(1, ordering: .relaxed).newValue == 2 {
            isHanging.store(true, ordering: .relaxed)
            // Deaf to cancellation, too.
            await Task.detached { try? await Task.sleep(for: .seconds(3)) }.value
          }
          return .init(.guest, validFor: .milliseconds(20))
        }
        try await AMQPConnection.withConnection(configuration) { connection in
          await eventually { isHanging.load(ordering: .relaxed) }
          let start = ContinuousClock.now
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          #expect(ContinuousClock.now - start < .seconds(3))
        }
      }
    }
  }

  @Test("A secret that the broker refused, or that could not be sent, is not what the next connection begins with")
  func refusedIsForgotten() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(0, .connectionUpdateSecret(let secret, _)) = frame else { return false }
        Self.end(peer, over: .connectionUpdateSecret(secret: secret, reason: ""))
        return true
      }) { broker in
        let configuration = Self.configuration(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          let long = String(repeating: "r", count: 300)
          #expect(await amqpError { try await connection.updateSecret("lost", reason: long) }?.code == .invalidArgument)
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          #expect(await amqpError { try await connection.updateSecret("bad") }?.replyCode == 530)
          await eventually { broker.connections == 3 }
          try await connection.waitUntilOpen()
        }
        #expect(Self.secrets(broker) == ["old", "old", "updated to bad", "old"])
      }
    }
  }

  @Test("A secret that is given while the connection is being opened is told to the broker once it is open")
  func whileConnecting() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        // Held back until the test goes on.
        if case .method(0, .connectionOpen) = frame { return true }
        return Self.takingSecrets(peer, frame)
      }) { broker in
        let configuration = Self.configuration(broker)
        let connection = AMQPConnection(configuration)
        async let running: Void = connection.run()
        await broker.wait { $0.contains { if case .method(0, .connectionOpen) = $0 { true } else { false } } }
        try await connection.updateSecret("new")
        try await broker.withPeer { $0.send(.connectionOpenOk) }
        await eventually { Self.secrets(broker) == ["old", "updated to new"] }
        await connection.close()
        try await running
      }
    }
  }

  /// Begins with the password `old`.
  private static func configuration(_ broker: FakeBroker) -> AMQPConfiguration {
    var configuration = broker.configuration
    configuration.credentials = .plain(user: "u", password: "old")
    return configuration
  }

  /// A refusal as RabbitMQ words it, or what another call brought about.
  private static func end(_ peer: FakeBroker.Peer, over method: Method, _ code: UInt16 = 530) {
    peer.send(
      .connectionClose(
        CloseReason(
          replyCode: code, replyText: "NOT_ALLOWED - New secret was refused by one of the backends",
          classID: method.id.classID, methodID: method.id.methodID)))
  }

  @Test("Of two secrets that are not answered the refused one is forgotten, and the other is what comes next")
  func secondOfTwo() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(0, .connectionUpdateSecret(let secret, _)) = frame else { return false }
        // Both are there before the first is refused.
        if String(buffer: secret) == "good" {
          Self.end(peer, over: .connectionUpdateSecret(secret: secret, reason: ""))
        }
        return true
      }) { broker in
        let configuration = Self.configuration(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          async let bad = amqpError { try await connection.updateSecret("bad") }
          await broker.wait { $0.contains { if case .method(0, .connectionUpdateSecret) = $0 { true } else { false } } }
          let good = await amqpError { try await connection.updateSecret("good") }
          #expect(await bad?.replyCode == 530)
          // It was not judged.
          #expect(good?.isRetryable == true)
          await eventually { broker.connections == 2 }
          try await connection.waitUntilOpen()
        }
        #expect(Self.secrets(broker) == ["old", "updated to bad", "updated to good", "good"])
      }
    }
  }

  @Test("A secret that was given while the connection was opened and is refused gives way to the one before it")
  func refusedAfterOpening() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        switch frame {
        case .method(0, .connectionOpen): return peer.index == 1
        case .method(0, .connectionUpdateSecret(let secret, _)):
          if String(buffer: secret) == "bad" {
            Self.end(peer, over: .connectionUpdateSecret(secret: secret, reason: ""))
          } else {
            peer.send(.connectionUpdateSecretOk)
          }
          return true
        default: return false
        }
      }) { broker in
        let configuration = Self.configuration(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          try await connection.updateSecret("good")
          try await broker.hangUp(on: connection)
          await broker.wait { $0.count { if case .method(0, .connectionOpen) = $0 { true } else { false } } == 2 }
          try await connection.updateSecret("bad")
          try await broker.withPeer { $0.send(.connectionOpenOk) }
          await eventually { broker.connections == 3 }
          try await connection.waitUntilOpen()
        }
        #expect(Self.secrets(broker) == ["old", "updated to good", "good", "updated to bad", "good"])
      }
    }
  }

  @Test("What the broker ends the connection over for another reason forgets no secret")
  func endedOverAnother() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        guard peer.index == 0, case .method(0, .connectionUpdateSecret) = frame else { return false }
        Self.end(peer, over: .basicConsume(BasicConsume(queue: "q", consumerTag: "c")), 540)
        return true
      }) { broker in
        let configuration = Self.configuration(broker)
        try await AMQPConnection.withConnection(configuration) { connection in
          #expect(await amqpError { try await connection.updateSecret("new") }?.isRetryable == true)
          await eventually { broker.connections == 2 }
          try await connection.waitUntilOpen()
        }
        #expect(Self.secrets(broker) == ["old", "updated to new", "new"])
      }
    }
  }

  @Test(
    "Credentials that have expired when they are given are asked for again after a second, and the log says so once")
  func expired() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run(Self.takingSecrets) { broker in
        let asked = Mutex<[ContinuousClock.Instant]>([])
        var (configuration, lines) = ObservingTests.logging(broker)
        configuration.credentialsProvider = AMQPCredentialsProvider {
          let count = asked.withLock { asked in
            asked.append(.now)
            return asked.count
          }
          return .init(.plain(user: "u", password: "token-\(count)"), validFor: count < 2 ? .zero : .seconds(600))
        }
        try await AMQPConnection.withConnection(configuration) { _ in
          await broker.wait { $0.contains { if case .method(0, .connectionUpdateSecret) = $0 { true } else { false } } }
        }
        let times = asked.withLock { $0 }
        #expect(times.count == 2 && times[1] - times[0] > .milliseconds(900))
        #expect(Self.secrets(broker) == ["token-1", "updated to token-2"])
        #expect(lines.count(.warning, "expired") == 1)
      }
    }
  }

  private final class Answer: Sendable {}

  @Test("Asking for credentials leaves nothing on the connection, which may live for years")
  func leavesNothing() async throws {
    try await within {
      try await FakeBroker.run { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          weak var answer: Answer?
          do {
            let given = try await connection.interruptible(.seconds(10)) { Answer() }
            answer = given
          }
          #expect(answer == nil)
        }
      }
    }
  }

  @Test("A call that is cancelled does not wait for the answer, and one on a connection that is closed is an error")
  func cancelled() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run { broker in
        let connection = AMQPConnection(broker.configuration)
        async let running: Void = connection.run()
        try await connection.waitUntilOpen()
        let call = Task { await amqpError { try await connection.updateSecret("new") } }
        await broker.wait { $0.contains { if case .method(0, .connectionUpdateSecret) = $0 { true } else { false } } }
        call.cancel()
        #expect(await call.value?.code == .cancelled)
        await connection.close()
        try await running
        #expect(await amqpError { try await connection.updateSecret("late") }?.code == .connectionClosed)
      }
    }
  }
}
