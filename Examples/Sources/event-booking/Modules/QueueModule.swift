internal import EventBookingRepositories
internal import Warren

/// How the queue is.
package struct QueueModule: Sendable {
  let repositories: Repositories

  static func topology() throws -> Topology { try JobRepository.topology() }

  /// All queues with their depths and dead letters, the workers, and what is not well.
  package func overview() async throws -> any Encodable & Sendable { try await repositories.jobs.overview() }
}
