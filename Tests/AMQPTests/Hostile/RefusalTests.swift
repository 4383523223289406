import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// A connection that worked once comes back, whatever it is refused with meanwhile.
@Suite("Refusals that pass")
struct RefusalTests {
  /// A moment of the handshake and how the broker refuses then.
  struct Refusal: CustomTestStringConvertible {
    var testDescription: String
    let atLogin: Bool
    let code: UInt16
    let text: String

    func matches(_ method: Method) -> Bool {
      if case .connectionStartOk = method { return atLogin }
      if case .connectionOpen = method { return !atLogin }
      return false
    }
  }

  static let refused = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': "
  static let refusals = [
    Refusal(
      testDescription: "limit of connections", atLogin: false, code: 530,
      text: refused + "connection limit (1) is reached"),
    Refusal(
      testDescription: "limit that cannot be queried", atLogin: false, code: 530,
      text: refused + "connection limit cannot be queried, timeout"),
    Refusal(
      testDescription: "virtual host not found", atLogin: false, code: 530, text: "NOT_ALLOWED - vhost / not found"),
    Refusal(
      testDescription: "virtual host down", atLogin: false, code: 541, text: "INTERNAL_ERROR - vhost '/' is down"),
    Refusal(
      testDescription: "login", atLogin: true, code: 403,
      text: "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."),
  ]

  /// Loses the connection and expects it to come back, whatever `script` does to the attempts.
  private func comesBack(
    _ script: @escaping FakeBroker.Script, onAccept: @escaping @Sendable (FakeBroker.Peer) -> Bool = { _ in true }
  ) async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run(script, onAccept: onAccept) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.connections == 5)
      }
    }
  }

  @Test("After the first success a refusal is waited for", arguments: refusals)
  func afterALoss(_ refusal: Refusal) async throws {
    try await comesBack({ peer, frame in
      guard (1...3).contains(peer.index), case .method(0, let method) = frame, refusal.matches(method) else {
        return false
      }
      peer.close(refusal.code, refusal.text)
      return true
    })

  }

  @Test("After the first success a load balancer's 503 is waited for")
  func http() async throws {
    try await comesBack(
      { _, _ in false },
      onAccept: { peer in
        guard (1...3).contains(peer.index) else { return true }
        peer.send(Array("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".utf8))
        return false
      })

  }

  @Test("A broker that is full does not keep the next one from being tried")
  func otherEndpoint() async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(0, .connectionOpen) = frame else { return false }
        peer.close(530, "NOT_ALLOWED - node connection limit (100) is reached")
        return true
      }) { full in
        try await FakeBroker.run { free in
          // Endpoints are shuffled, so some of these meet the full one first.
          for _ in 0..<20 {
            var configuration = free.configuration
            configuration.endpoints = [full, free].map { .init(host: "127.0.0.1", port: $0.port) }
            try await AMQPConnection.withConnection(configuration) { _ in }
          }
        }
      }
    }

  }

  @Test("One channel more than the user may have costs the connection a reconnect and not its life")
  func channelLimit() async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run({ peer, frame in
        guard peer.index == 0, case .method(let channel, .channelOpen) = frame, channel > 2 else { return false }
        peer.close(
          530,
          "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (2)"
        )
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          _ = try await connection.openChannel()
          _ = try? await connection.openChannel()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
      }
    }

  }

  static let downQueues = [
    "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible",
    "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor",
    "NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart",
    "NOT_FOUND - queue 'q' in vhost '/' process is not alive: leader may be stopping or being demoted",
    "NOT_FOUND - operation on queue 'q' in vhost '/' timed out",
  ]

  @Test("A queue whose node is down is an error that passes", arguments: downQueues)
  func queueDown(_ text: String) async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .queueDeclare) = frame else { return false }
        peer.closeChannel(channel, 404, text, .queueDeclare(QueueDeclare(queue: "q")))
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let error = await amqpError { _ = try await connection.withChannel { try await $0.declareQueue("q") } }
          #expect(error?.replyCode == 404)
          #expect(error?.isRetryable == true)
        }
      }
    }

  }

  @Test("A queue that does not exist is an error that stays")
  func noQueue() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .queueDeclare) = frame else { return false }
        peer.closeChannel(
          channel, 404, "NOT_FOUND - no queue 'q' in vhost '/'", .queueDeclare(QueueDeclare(queue: "q")))
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let error = await amqpError { _ = try await connection.withChannel { try await $0.declareQueue("q") } }
          #expect(error?.isRetryable == false)
        }
      }
    }
  }

  @Test(
    "A declaration that is refused or not answered costs that declaration, not the connection",
    arguments: [true, false])
  func declaration(_ isAnswered: Bool) async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(let channel, .queueDeclare(let declare)) = frame, declare.queue == "dead"
        else { return false }
        if isAnswered { peer.closeChannel(channel, 404, Self.downQueues[0], .queueDeclare(declare)) }
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.topology = AMQPTopology(queues: [.init("dead"), .init("fine")])
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          // The one behind it was declared on both connections.
          await broker.wait {
            $0.count {
              if case .method(_, .queueDeclare(let declare)) = $0 { declare.queue == "fine" } else { false }
            } == 2
          }
        }
        #expect(broker.connections == 2)
      }
    }

  }

  @Test(
    "A declaration over which the broker closes the connection is left out of the next one, and tried again later",
    arguments: [UInt16(503), 541])
  func fatalDeclaration(_ code: UInt16) async throws {
    try await within(.seconds(30)) {
      let isFatal = Atomic(false)
      try await FakeBroker.run({ peer, frame in
        guard isFatal.load(ordering: .relaxed), case .method(_, .queueDeclare(let declare)) = frame,
          declare.queue == "bad"
        else { return false }
        let id = Method.queueDeclare(declare).id
        peer.send(
          .connectionClose(
            CloseReason(replyCode: code, replyText: "INTERNAL_ERROR", classID: id.classID, methodID: id.methodID)))
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.topology = AMQPTopology(queues: [.init("bad"), .init("fine")])
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          isFatal.store(true, ordering: .relaxed)
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          #expect(broker.connections == 3)
          isFatal.store(false, ordering: .relaxed)
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          #expect(broker.connections == 4)
        }
        let declared = broker.methods.compactMap {
          if case .queueDeclare(let declare) = $0 { declare.queue } else { nil }
        }
        #expect(declared == ["bad", "fine", "bad", "fine", "bad", "fine"])
      }
    }
  }

  @Test("When fewer channels are allowed than were open, as many as may come back do, and the connection stays")
  func channelLimitAtRecovery() async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(let channel, .channelOpen) = frame, channel > 2 else { return false }
        peer.close(
          530,
          "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (2)"
        )
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channels = try await [connection.openChannel(), connection.openChannel(), connection.openChannel()]
          try await broker.hangUp(on: connection)
          try await channels[0].publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .seconds(10))
          try await channels[1].publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .seconds(10))
          let third = await amqpError {
            try await channels[2].publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .seconds(1))
          }
          #expect(third?.code == .publishTimeout)
          #expect(broker.connections == 3)
        }
      }
    }
  }

  @Test(
    "A consumer over which the broker closes the connection ends, and all others come back", arguments: [true, false])
  func fatalConsumer(_ isFirst: Bool) async throws {
    try await within(.seconds(20)) {
      let isFatal = Atomic(isFirst)
      try await FakeBroker.run({ peer, frame in
        guard isFatal.load(ordering: .relaxed), case .method(_, .basicConsume(let consume)) = frame else {
          return false
        }
        let id = Method.basicConsume(consume).id
        // The others' questions are open as well, when many channels come back.
        guard consume.queue == "s" else { return peer.index == 1 }
        peer.send(
          .connectionClose(
            CloseReason(
              replyCode: 540, replyText: "NOT_IMPLEMENTED - not supported by stream queues queue 's' in vhost '/'",
              classID: id.classID, methodID: id.methodID)))
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channels = try await [connection.openChannel(), connection.openChannel()]
          if isFirst {
            let error = await amqpError { _ = try await channels[1].consume("s") }
            #expect(error?.replyCode == 540)
          } else {
            let fine = try await channels[0].consume("fine", options: .init(consumerTag: "fine"))
            let deliveries = try await channels[1].consume("s")
            isFatal.store(true, ordering: .relaxed)
            try await broker.hangUp(on: connection)
            let error = await amqpError { for try await _ in deliveries {} }
            #expect(error?.replyCode == 540)
            try await channels[0].publish(AMQPMessage(routingKey: "k", body: "x"))
            try await broker.withPeer { $0.deliver(1, to: "fine", on: 1) }
            var iterator = fine.makeAsyncIterator()
            #expect(try await iterator.next() != nil)
          }
          try await channels[1].publish(AMQPMessage(routingKey: "k", body: "x"))
          #expect(broker.connections == (isFirst ? 2 : 3))
        }
      }
    }
  }

  @Test("Those whose call is not what the broker ends the connection over may try again")
  func bystanders() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run({ peer, frame in
        guard peer.index == 0, case .method(_, let method) = frame else { return false }
        switch method {
        case .queueDeclare: return true
        case .basicConsume:
          peer.send(
            .connectionClose(
              CloseReason(
                replyCode: 540, replyText: "NOT_IMPLEMENTED - not supported by stream queues queue 's' in vhost '/'",
                classID: method.id.classID, methodID: method.id.methodID)))
          return true
        default: return false
        }
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channels = try await [connection.openChannel(), connection.openChannel()]
          async let declared = amqpError { try await channels[0].declareQueue("q") }
          await broker.wait { $0.contains { if case .method(_, .queueDeclare) = $0 { true } else { false } } }
          #expect(await amqpError { _ = try await channels[1].consume("s") }?.replyCode == 540)
          let error = await declared
          #expect(error?.code == .connectionLost && error?.isRetryable == true)
        }
      }
    }
  }

  @Test("As many channels come back as the broker allows, though it refuses one before it has answered for the others")
  func channelLimitBeforeAnswers() async throws {
    try await within(.seconds(30)) {
      let limit = 10
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(let channel, .channelOpen) = frame else { return false }
        if channel > limit {
          peer.close(
            530,
            "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (10)"
          )
        }
        // What opens channels is another process of the broker's.
        return peer.index == 1 || channel > limit
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          var channels: [AMQPChannel] = []
          for _ in 0...limit { channels.append(try await connection.openChannel()) }
          try await broker.hangUp(on: connection)
          // The one that is refused, the one that finds out how many there may be, and the one that stays.
          await eventually { broker.connections == 4 }
          for channel in channels.dropLast() {
            try await channel.publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .seconds(10))
          }
          let last = await amqpError {
            try await channels[limit].publish(AMQPMessage(routingKey: "k", body: "x"), timeout: .seconds(1))
          }
          #expect(last?.code == .publishTimeout)
          let connections = broker.connections
          // What was refused a moment ago is not tried again.
          #expect(await amqpError { _ = try await connection.openChannel() }?.code == .noFreeChannel)
          #expect(broker.connections == connections)
        }
      }
    }
  }
}
