internal import BrokerConformance
internal import Warren

/// The engine, with places to die before and after each publish and settlement.
struct DyingBroker: ForwardingBroker {
  let base: any Broker
  let points: KillPoints
  let book: Book

  var capabilities: BrokerCapabilities {
    var capabilities = base.capabilities
    capabilities.storesBatchesAsOne = book.storesBatchesAsOne
    return capabilities
  }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    points.pass("before a publish")
    for publication in publications { book.note("published", publication.message.correlationID ?? "") }
    let results = try await base.publish(publications)
    points.pass("after a publish")
    return results
  }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    points.pass("before a settlement")
    let result = try await base.settle(delivery, as: settlement)
    points.pass("after a settlement")
    return result
  }
}
