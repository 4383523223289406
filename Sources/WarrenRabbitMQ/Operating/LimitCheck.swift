internal import AMQP
internal import Foundation
internal import NIOCore
internal import Warren

/// Finds limits of the broker that Warren's work will meet.
struct LimitCheck: Sendable {
  let session: Session
  let known: KnownTopology

  func findings(
    _ queues: [ManagementAPI.QueueInfo], on nodes: [ManagementAPI.NodeInfo]
  ) async -> [Finding] {
    var findings: [Finding] = []
    let host = session.consuming.configuration.virtualHost
    if let limits = await session.management.limits() {
      if let most = limits.queues {
        findings.append(
          Self.finding(
            queues.count, of: most, "queues", host, "max-queues",
            "a queue that cannot be made keeps its topology, or a delay, from working"))
      }
      if let most = limits.connections, let count = await session.management.connections()?.count {
        findings.append(
          Self.finding(
            count, of: most, "connections", host, "max-connections",
            "each process needs two, and a further process cannot begin"))
      }
    }
    // A broker that is short of memory reads nothing that is published, and would keep the question.
    let isOpen = session.publishing.state == .open && nodes.allSatisfy(\.alarms.isEmpty)
    if isOpen, let largest = await largestBody(), largest < Limits.largestBody {
      known.note(largestBody: largest)
      findings.append(
        Finding(
          .warning,
          "RabbitMQ takes bodies of up to \(largest) bytes (max_message_size), and Warren lets \(Limits.largestBody) through",
          fix: "max_message_size = \(Limits.largestBody) in rabbitmq.conf, or keep messages below it"))
    }
    return findings
  }

  private static func finding(
    _ count: Int, of most: Int, _ what: String, _ host: String, _ key: String, _ consequence: String
  ) -> Finding {
    let text = "\(count) of \(most) \(what) that the virtual host '\(host)' lets be"
    if count * 10 < most * 8 { return Finding(.fine, text) }
    return Finding(
      count >= most ? .problem : .warning, "\(text): \(consequence)",
      fix: Fix("raise the limit: `rabbitmqctl set_vhost_limits -p \(host) '{\"\(key)\": NUMBER}'`"))
  }

  /// The most bytes that a body may have, when that is less than what Warren lets through. Nothing tells it, so it is tried, with a
  /// message to no queue, by a connection of its own, which holds up no other.
  private func largestBody() async -> Int? {
    var configuration = session.publishing.configuration
    configuration.recovery = AMQPRecoveryPolicy(isEnabled: false)
    configuration.name = configuration.name.map { $0 + " (doctor)" }
    configuration.onPublish = nil
    let message = AMQPMessage(
      routingKey: "warren.doctor.\(UUID().uuidString)", body: ByteBuffer(repeating: 0, count: Limits.largestBody))
    return try? await AMQPConnection.withConnection(configuration) { connection in
      try await connection.withChannel(AMQPChannelOptions(reopens: false)) { channel in
        switch await channel.publish([message], timeout: .seconds(20))[0] {
        case .unknown(let error), .notSent(let error): error.largestBody
        default: nil
        }
      }
    }
  }
}
