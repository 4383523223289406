package import EventBookingAppModules
internal import ExampleSupport
package import Hummingbird

/// Requests about the queues.
package struct QueueController: Sendable {
  private let operations: OperationsAppModule
  package init(_ operations: OperationsAppModule) { self.operations = operations }

  /// The queues as JSON: the place of the dashboard.
  package func queues() async throws -> Response { .json(try await operations.queues()) }
}
