internal import Warren

/// Ends deliveries, and says what became of that.
struct Settler {
  let writer: Writer

  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    switch try await writer.settle(delivery.token, as: settlement) {
    case .settled: return .settled
    case .stale: return .stale
    case .cannotPark(let queue):
      throw BrokerError(
        .unroutable,
        "a message of the queue '\(queue)' cannot be parked, because its dead-letter target leads to no queue: it stays "
          + "in '\(queue)'. Declare the target, or bind a queue to it")
    }
  }
}
