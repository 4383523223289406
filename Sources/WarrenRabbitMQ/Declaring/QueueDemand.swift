internal import AMQP
internal import Warren

/// The queues that a topology comes to: its own, those that Warren keeps beside each, and the delay buckets that all share.
enum QueueDemand {
  static func names(for topology: Topology) -> Set<String> {
    var names: Set<String> = Set(Delays.buckets.map { SystemNames.bucket(DelayBucket(milliseconds: $0)) })
    for queue in topology.queues {
      names.insert(queue.name.rawValue)
      // What holds dead letters is not worked on.
      guard let target = queue.deadLetter else { continue }
      let suspects = SystemNames.suspects(of: queue.name)
      let relays = [queue.name.rawValue, suspects].map(SystemNames.relay)
      names.formUnion([target.queue.rawValue, suspects] + relays)
    }
    return names
  }

  /// Why a virtual host that lets `limit` queues be has no room for this topology beside the queues that are there; `nil`: it has.
  static func refusal(_ topology: Topology, existing: [String], limit: Int, virtualHost: String) -> BrokerError? {
    // And one by which this process learns what others tell it.
    let needed = names(for: topology).union(existing).count + 1
    if needed <= limit { return nil }
    return BrokerError(
      .invalid,
      "the virtual host '\(virtualHost)' lets \(limit) queues be, and \(needed) are needed: what is there, this topology, up to three "
        + "queues of Warren's own for each of its queues, and \(Delays.buckets.count) for delays that all share. Raise the limit: "
        + "`rabbitmqctl set_vhost_limits -p \(virtualHost) '{\"max-queues\": \(needed)}'`")
  }
}
