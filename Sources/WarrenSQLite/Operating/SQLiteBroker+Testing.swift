package import Foundation
package import Warren

/// What WarrenTesting asks of the engine beyond its contract.
extension SQLiteBroker {
  /// When the first delayed message is due; `nil` when none is delayed.
  package func nextDue() async throws(BrokerError) -> Date? {
    try await writer.perform { transaction in
      let due: Int64?? = try transaction.statements.earliestDue.first { $0.optionalInt(0) }
      return (due ?? nil).map { Date(wholeMilliseconds: $0) }
    }
  }

  /// Ends this process's work as SIGKILL does, and goes on as a new process: what was held is handed out again, counted as
  /// interrupted. Returns how many deliveries that were.
  package func killWorker() async throws(BrokerError) -> Int {
    try await writer.perform { [presence, configuration] transaction in
      guard let worker = transaction.worker else { return 0 }
      let count = try transaction.recover(worker: worker) ?? 0
      try transaction.enroll(presence, name: configuration.workerName)
      return count
    }
  }
}
