package import EventBookingModel
package import Warren

/// The queue outside of transactions.
package struct JobRepository: Sendable {
  private let bus: EventBus

  init(_ broker: any InspectableBroker, _ composer: MessageComposer) {
    bus = EventBus(broker, composer)
  }

  /// What has to stand before anything is served.
  package static func topology() throws -> Topology {
    try Topology(jobs: [BookingConfirmation.self, EventUpdate.self, SendIndividualEmail.self])
  }

  /// Puts jobs into the queue, each with its id, in one round trip. Returns when all are there.
  ///
  /// An engine that can keep a repeat out does so. On others a repeat is stored, and its mail is found to be sent.
  package func add(_ jobs: [(id: String, job: SendIndividualEmail)]) async throws {
    let keepsRepeatsOut = bus.broker.capabilities.uniqueness.contains(.keep)
    let receipts = try await bus.enqueue(
      jobs.map { JobRequest($0.job, id: MessageID($0.id), unique: keepsRepeatsOut ? .key($0.id) : nil) })
    for receipt in receipts {
      if let error = receipt.result.error { throw error }
    }
  }
}
