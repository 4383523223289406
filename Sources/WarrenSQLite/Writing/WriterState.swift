internal import GRDB
internal import Warren

/// What the writer knows between two transactions. Touched on the writer's queue only, changed only after a commit: a
/// transaction that fails leaves it as it was.
final class WriterState {
  let statements: Statements
  let configuration: SQLiteConfiguration

  var topology = KnownTopology()
  var topologyVersion: Int64 = 0
  var workersVersion: Int64 = 0
  /// The bindings that the topologies which this process applied have, by queue.
  var asked: [QueueName: Set<Binding>] = [:]
  /// The other processes that consume, with the queues that they consume.
  var others: [(file: String, queues: Set<Int64>)] = []

  /// This process's row in the table `worker`; `nil` until it consumes something.
  var worker: Int64?
  var deliveries = OpenDeliveries()

  /// When the next waiting message expires, as of the last transaction.
  var nextExpiry: Int64?
  var needsExpirySweep = true

  /// Queues in which something waits, so that the others need not be asked. `nil`: unknown.
  var waiting: Set<Int64>?
  /// Changes when another connection has written.
  var dataVersion: Int64 = 0
  /// A number above all that the file has; asked for once, because the row that counts may be of an older copy.
  var leastSeq: Int64

  init(_ database: Database, configuration: SQLiteConfiguration) throws {
    statements = try Statements(database)
    self.configuration = configuration
    let greatest = try Int64.fetchOne(
      database, sql: "SELECT max(seq) FROM message WHERE seq < ?", arguments: [Schema.lastNumber])
    leastSeq = 1 + max(0, greatest ?? 0)
  }

  /// What it read may have been rolled back.
  func forgetWhatWasRead() {
    topologyVersion = 0
    workersVersion = 0
    waiting = nil
  }
}
