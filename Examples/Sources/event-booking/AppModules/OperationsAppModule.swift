package import EventBookingModules

/// What an administrator sees.
package struct OperationsAppModule: Sendable {
  private let modules: Modules
  package init(_ modules: Modules) { self.modules = modules }

  /// All queues with their depths and dead letters, the workers, and what is not well.
  package func queues() async throws -> any Encodable & Sendable { try await modules.queues.overview() }
}
