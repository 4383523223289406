extension Worker {
  /// Refuses to begin what the engine would take away before it is done: it would be handled twice, each time for nothing.
  func checkLeases() async throws(BrokerError) {
    guard let broker = broker as? any LeasingBroker else { return }
    for plan in plans {
      guard let timeout = plan.longestTimeout else { continue }
      let turns = plan.settings.turns
      let wanted = timeout.times(Double(turns))
      guard let lease = try await broker.lease(of: plan.queue, wanted: wanted), lease.duration < wanted else {
        continue
      }
      let wait =
        turns == 1
        ? ""
        : " (a handler's timeout of \(timeout.words), \(turns) times, as up to \(plan.settings.window) are taken for "
          + "\(plan.settings.slots) handlers)"
      throw BrokerError(
        .invalid,
        "the worker '\(name)' may hold a message of '\(plan.queue)' for \(wanted.words)\(wait), and the broker takes it away "
          + "after \(lease.duration.words), as \(lease.source) says, to run it again elsewhere. Give its handlers a shorter "
          + "timeout, say .timeout(.seconds(\(max(1, lease.duration.components.seconds / Int64(turns))))), or a prefetch as "
          + "small as their concurrency, or a longer time at the broker: \(lease.fix)")
    }
  }
}
