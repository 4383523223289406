internal import EventBookingRepositories
internal import Warren

/// How the queue is.
enum QueueModule {
  static func topology() throws -> Topology { try JobRepository.topology() }
}
