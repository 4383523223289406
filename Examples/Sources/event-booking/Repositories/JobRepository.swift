package import EventBookingModel
internal import ExampleSupport
package import Warren
internal import WarrenOperations

/// The queue outside of transactions.
package struct JobRepository: Sendable {
  private let bus: EventBus
  private let operations: Operations

  init(_ broker: any InspectableBroker, _ composer: MessageComposer) {
    bus = EventBus(broker, composer)
    operations = Operations(broker)
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
      if case .failed(let error) = receipt.result { throw error }
    }
  }

  /// All queues with their depths and dead letters, the workers, and what is not well.
  package func overview() async throws -> any Encodable & Sendable {
    do { return try await operations.overview() } catch {
      throw APIError.unavailable("queues_unavailable", "the broker cannot be asked now (\(error.message)): try again")
    }
  }
}
