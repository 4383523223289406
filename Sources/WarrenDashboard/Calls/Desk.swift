internal import Foundation
internal import Logging
internal import Warren
internal import WarrenOperations

/// What all pages of a dashboard work with.
struct Desk: Sendable {
  let operations: Operations
  let sampler: Sampler
  let audit: AuditTrail
  var configuration: Dashboard.Configuration

  init(_ broker: any Broker, _ configuration: Dashboard.Configuration, _ logger: Logger) {
    operations = Operations(broker)
    sampler = Sampler(operations)
    audit = AuditTrail(logger)
    self.configuration = configuration
  }

  /// The same operations, with nothing hidden.
  var revealing: Operations { Operations(operations.broker, mask: .off) }

  var now: Date { operations.broker.clock.now }
}
