internal import Foundation
internal import Warren
internal import WarrenOperations

/// What all pages of a dashboard work with.
struct Desk: Sendable {
  let operations: Operations
  let sampler: Sampler
  var configuration: Dashboard.Configuration

  init(_ operations: Operations, _ configuration: Dashboard.Configuration) {
    self.operations = operations
    sampler = Sampler(operations)
    self.configuration = configuration
  }

  /// The same operations, with nothing hidden.
  var revealing: Operations { Operations(operations.broker, mask: .off) }

  var now: Date { operations.broker.clock.now }
}
