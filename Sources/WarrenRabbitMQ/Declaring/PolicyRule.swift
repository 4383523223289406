internal import Warren

/// Finds policies that change what the engine relies on: of some settings an administrator's policy goes before a queue's
/// argument, of others the lower value counts.
enum PolicyRule {
  static func findings(about queues: [ManagementAPI.QueueInfo], on server: Server) -> [Finding] {
    let ours = queues.filter { $0.isOwnWork || $0.isOwnHolder || SystemNames.isInternal($0.name) }
    func finding(
      _ severity: Finding.Severity, _ key: String, _ consequence: String,
      where isHarmful: (ManagementAPI.QueueInfo) -> Bool
    ) -> Finding? {
      let names = ours.filter(isHarmful).map(\.name).sorted()
      guard let first = names.first else { return nil }
      let which = names.count == 1 ? "the queue '\(first)'" : "\(names.count) queues of Warren, such as '\(first)',"
      return Finding(
        severity, queue: names.count == 1 && !SystemNames.isInternal(first) ? QueueName(first) : nil,
        "a policy sets \(key) on \(which) and \(consequence)",
        fix:
          "change the pattern of the policy so that it leaves out the queues that Warren declared, \"warren.\" in front included"
      )
    }
    func number(_ queue: ManagementAPI.QueueInfo, _ key: String) -> Int? { queue.policy(key).flatMap { Int($0) } }
    return [
      finding(
        .problem, "overflow",
        "goes before Warren's: messages are dropped when the queue is full, and dead letters on their way lost"
      ) { $0.policy("overflow").map { $0 != "reject-publish" } ?? false },
      finding(
        .problem, "message-ttl",
        "messages leave before their time: they are put off again and again, or parked as expired"
      ) {
        guard let time = number($0, "message-ttl") else { return false }
        return time < ($0.arguments?["x-message-ttl"]?.text.flatMap { Int($0) } ?? .max)
      },
      finding(
        .problem, "delivery-limit", "a message is taken out of the queue after so few deliveries, looks at it included"
      ) {
        guard let limit = number($0, "delivery-limit") else { return false }
        // Below 0 there is no limit from 4.0 on, and before that nothing is left.
        return limit < 0 ? !server.limitsDeliveriesByDefault : limit < 1000
      },
      finding(
        .problem, "expires", "RabbitMQ deletes the queue with all its messages when nothing has used it for a while"
      ) {
        $0.policy("expires") != nil
      },
      finding(
        .problem, "delayed-retry-type",
        "what a worker gives back at a stop, or releases, is held back instead of going to another worker at once"
      ) {
        $0.policy("delayed-retry-type").map { $0 != "disabled" } ?? false
      },
      finding(.warning, "max-length", "what is published beyond that is refused: retries and dead letters wait") {
        $0.policy("max-length") != nil || $0.policy("max-length-bytes") != nil
      },
    ].compactMap { $0 }
  }
}
