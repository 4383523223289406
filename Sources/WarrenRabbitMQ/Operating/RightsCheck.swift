internal import AMQP
internal import Foundation
internal import Warren

/// Finds out which of Warren's own queues and exchanges this user may not declare, by declaring some that go at once. That is done on a
/// connection of its own: a cluster that cannot declare anything now closes it, and the workers would lose their deliveries.
struct RightsCheck: Sendable {
  let session: Session

  private static let needs: [(prefix: String, role: String, consequence: String)] = [
    (SystemNames.relayPrefix, "a worker, and who publishes with a delay", "no retry and no delay can go its way"),
    (SystemNames.bucketPrefix, "a worker, and who publishes with a delay", "no retry and no delay can wait"),
    (SystemNames.suspectPrefix, "a worker", "a message that kills its worker cannot be set apart"),
    (SystemNames.control + ".", "a worker", "it sees late that a queue is paused"),
    (SystemNames.lockPrefix, "who looks at dead letters", "two operators could take the same one"),
  ]

  func findings() async -> [Finding] {
    var findings: [Finding] = []
    for need in Self.needs {
      do throws(BrokerError) { try await declare(need.prefix) } catch {
        // What has no answer now has none to the others either, and each may take half a minute.
        guard error.isAboutRights else { break }
        findings.append(
          Finding(
            .warning,
            "this user may not declare '\(need.prefix)…', which \(need.role) has to: otherwise \(need.consequence)",
            fix: "give it that right, where it has that role: docs/permissions.md lists what each role needs"))
      }
    }
    return findings
  }

  private func declare(_ prefix: String) async throws(BrokerError) {
    let name = "\(prefix)doctor.\(UUID().uuidString)"
    try await session.onThrowawayConnection("looking at the rights of this user") { channel in
      // It goes with the connection, in any case.
      try await channel.declareQueue(name, durable: false, exclusive: true, autoDelete: true)
      if prefix == SystemNames.bucketPrefix {
        try await channel.declareExchange(name, type: "fanout", durable: false, autoDelete: true)
        try await channel.bindQueue(name, to: name)
      }
      try await channel.deleteQueue(name)
    }
  }
}
