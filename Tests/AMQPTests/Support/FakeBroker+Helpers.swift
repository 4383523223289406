import NIOCore

@testable import AMQP

extension FakeBroker.Peer {
  /// Sends a delivery.
  func deliver(
    _ tag: UInt64, to consumer: String, _ body: String = "x", properties: AMQPProperties = AMQPProperties(),
    on channel: UInt16
  ) {
    send(
      .basicDeliver(
        .init(consumerTag: consumer, deliveryTag: tag, redelivered: false, exchange: "", routingKey: "k")), properties,
      body, on: channel)
  }

  /// Agrees to a consumer and sends it deliveries numbered from 1.
  func accept(_ consume: BasicConsume, deliver bodies: [String], on channel: UInt16) {
    send(.basicConsumeOk(consumerTag: consume.consumerTag), on: channel)
    for (index, body) in bodies.enumerated() {
      deliver(UInt64(index + 1), to: consume.consumerTag, body, on: channel)
    }
  }

  /// Refuses the connection, or ends it.
  func close(_ code: UInt16, _ text: String) {
    send(.connectionClose(CloseReason(replyCode: code, replyText: text, classID: 10, methodID: 40)))
  }

  /// Closes a channel because of a method.
  func closeChannel(_ channel: UInt16, _ code: UInt16, _ text: String, _ method: Method) {
    send(
      .channelClose(
        CloseReason(replyCode: code, replyText: text, classID: method.id.classID, methodID: method.id.methodID)),
      on: channel)
  }
}

extension FakeBroker {
  /// Hangs up on the newest connection and returns once the client has noticed.
  func hangUp(on connection: AMQPConnection) async throws {
    let states = connection.states()
    try await withPeer { $0.hangUp() }
    for await state in states { if case .recovering = state { return } }
  }

  /// A script that gives each consumer these bodies.
  static func delivering(_ bodies: [String]) -> Script {
    { peer, frame in
      guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
      peer.accept(consume, deliver: bodies, on: channel)
      return true
    }
  }

  func count(_ matches: (Method) -> Bool) -> Int { methods.count(where: matches) }
}

extension AMQPConnection {
  /// Whether reading from the socket waits for a consumer.
  var isHoldingReads: Bool { link?.gate.isHeld ?? false }
}

/// Waits as ``eventually(_:)-(()->Bool)`` does, for what has to be asked for.
func eventually(_ condition: () async -> Bool) async {
  while await !condition(), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
}
