internal import GRDB
internal import Warren

/// What the writer knows between two transactions. Touched on the writer's queue only, changed only after a commit (a
/// transaction that fails leaves it as it was).
final class Ledger {
  let statements: Statements
  let configuration: SQLiteBroker.Configuration

  var catalogue = Catalogue()
  var topologyVersion: Int64 = 0
  var workersVersion: Int64 = 0
  /// The other processes that consume, with the queues that they consume.
  var others: [(file: String, queues: Set<Int64>)] = []

  /// This process's row in the table `worker`; `nil` until it consumes something.
  var worker: Int64?
  var consumers: [Int64: LocalConsumer] = [:]
  var unsettled: [Int64: Unsettled] = [:]
  /// Tells apart the times that one message was handed to this worker.
  var lastFence: Int64 = 0

  /// When the next waiting message expires, as of the last transaction.
  var nextExpiry: Int64?
  var needsExpirySweep = true

  init(_ database: Database, configuration: SQLiteBroker.Configuration) throws {
    statements = try Statements(database)
    self.configuration = configuration
  }

  /// Whether any consumer could take a delivery.
  var hasCredit: Bool {
    consumers.values.contains { $0.isTaking && $0.unsettled < $0.consumer.prefetch }
  }
}
