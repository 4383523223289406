internal import Foundation
internal import Logging
internal import Warren
internal import WarrenOperations

/// What all pages of a dashboard work with.
struct Desk: Sendable {
  let operations: Operations
  let sampler: Sampler
  let background: BulkRunner
  let sweeps: Sweeps<Answer>
  var configuration: Dashboard.Configuration
  /// How many pages that look through all messages may be made at once.
  static let sweepLimit = 16

  /// - Parameter interval: how old a look may be that is shown again.
  init(
    _ operations: Operations, _ configuration: Dashboard.Configuration, logger: Logger, interval: Duration = .seconds(1)
  ) {
    self.operations = operations
    sampler = Sampler(operations, interval: interval)
    background = BulkRunner(logger: logger)
    sweeps = Sweeps(patience: configuration.patience, limit: Self.sweepLimit)
    self.configuration = configuration
  }

  /// The same operations, with nothing hidden.
  var revealing: Operations { Operations(operations.broker, mask: .off) }

  /// The pages that this engine can fill.
  var sections: [Page.Section] {
    Page.Section.allCases.filter { section in
      switch section {
      case .operations: operations.keepsBulkOperations
      case .schedules: operations.keepsSchedules
      case .outbox: operations.hasOutbox
      default: true
      }
    }
  }

  var now: Date { operations.broker.clock.now }
}
