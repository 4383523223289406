internal import Foundation
internal import GRDB
internal import Warren

/// One transaction of the writer: what it changes in the file, and what is to be done once that is committed.
///
/// Its verbs stand in extensions, a file for each concern. They throw ``StorageError`` when the transaction as a whole must
/// fail, and return everything that concerns one caller only.
final class Transaction {
  let state: WriterState
  let database: Database
  let time: Date
  /// `time`, as the file has it.
  let now: Int64

  private var nextSeq: Int64 = 0
  private var firstSeq: Int64 = 0
  private(set) var topologyVersion: Int64 = 0
  private(set) var workersVersion: Int64 = 0
  private var writtenTopologyVersion: Int64 = 0
  private var writtenWorkersVersion: Int64 = 0
  var work = WorkByQueue()

  /// What this transaction hands out, by consumer.
  var handed: [(consumer: LocalConsumer, deliveries: [Delivery])] = []
  /// The same, as this process remembers it.
  var opened: [OpenDelivery] = []
  /// The fences of deliveries of this process that are over.
  var closed: [Int64] = []
  /// How many deliveries each consumer has got rid of in this transaction.
  var freed: [ObjectIdentifier: Int] = [:]
  /// Whether a bound was reached and another transaction should follow at once.
  var isUnfinished = false
  var needsExpirySweep = false
  /// Whether this process's deliveries were taken away, because it showed no sign of life.
  private(set) var isDispossessed = false
  /// The row that this transaction has given this process.
  var enrolled: Int64?
  /// Whether this transaction has ended this process's work.
  var hasRetired = false
  /// Consumers that begin.
  var joining: [LocalConsumer] = []
  /// Consumers that have ended.
  var leaving: [LocalConsumer] = []
  /// Rows that said what was not true.
  var setAside: [(place: String, seq: Int64, queue: Int64)] = []
  /// What operations do once they are committed, in order.
  var afterCommit: [() -> Void] = []

  var statements: Statements { state.statements }

  /// This process's row in the table `worker`, if it has one.
  var worker: Int64? { hasRetired ? nil : enrolled ?? (isDispossessed ? nil : state.worker) }

  init(_ database: Database, _ state: WriterState, time: Date) throws {
    self.database = database
    self.state = state
    self.time = time
    now = time.wholeMilliseconds
    let isRead: Void? = try statements.readMeta.first { row in
      nextSeq = row.int(0) < Schema.lastNumber ? max(row.int(0), state.leastSeq) : state.leastSeq
      topologyVersion = row.int(1)
      workersVersion = row.int(2)
    }
    guard isRead != nil else { throw StorageError(code: 11, message: "the table 'meta' is empty") }
    firstSeq = nextSeq
    writtenTopologyVersion = topologyVersion
    writtenWorkersVersion = workersVersion
    if topologyVersion != state.topologyVersion { try reloadTopology() }
    if workersVersion != state.workersVersion { try reloadWorkers() }
    let version = try statements.dataVersion.first { $0.int(0) } ?? 0
    if version != state.dataVersion {
      state.dataVersion = version
      state.waiting = nil
    }
  }

  // MARK: What others may have changed

  /// Reading it again is right whatever becomes of this transaction: a rollback is followed by another reading.
  func reloadTopology() throws {
    state.topology = try KnownTopology(database)
    state.topologyVersion = topologyVersion
  }

  /// Notes that queues, exchanges or bindings have changed.
  func changeTopology() throws {
    topologyVersion &+= 1
    try reloadTopology()
  }

  /// Notes that workers came or went.
  func changeWorkers() throws {
    workersVersion &+= 1
    try reloadWorkers()
  }

  private func reloadWorkers() throws {
    if let worker = state.worker {
      statements.workerExists.bind(1, worker)
      isDispossessed = try statements.workerExists.first { _ in true } == nil
    }
    let own: Int64 = enrolled ?? state.worker ?? 0
    var others: [Int64: (file: String, queues: Set<Int64>)] = [:]
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT w.id, w.file, q.queue FROM worker w JOIN worker_queue q ON q.worker = w.id WHERE w.id <> ?
        """, arguments: [own])
    for row in rows { others[row.int("id"), default: (row.text("file"), [])].queues.insert(row.int("queue")) }
    state.others = Array(others.values)
    state.workersVersion = workersVersion
  }

  /// A queue by its name.
  ///
  /// - Throws: ``BrokerError/Code/notFound``.
  func queue(_ name: QueueName) throws -> KnownQueue {
    guard let known = state.topology.queues[name] else {
      throw BrokerError.missing(name)
    }
    return known
  }

  // MARK: Numbers and counts

  func takeSeq() -> Int64 {
    defer { nextSeq += 1 }
    return nextSeq
  }

  /// A time that is a duration from now, at most as far as times go.
  func time(after milliseconds: Int64) -> Int64 {
    let (sum, overflow) = now.addingReportingOverflow(milliseconds)
    return overflow ? 9_000_000_000_000_000 : min(sum, 9_000_000_000_000_000)
  }

  /// A row has said what is not true: it has been taken out of the way, and an operator is told.
  func setAside(_ place: String, _ seq: Int64, in queue: Int64) throws {
    try database.execute(
      sql: "INSERT INTO set_aside (place, queue, seq, at) VALUES (?, ?, ?, ?)", arguments: [place, queue, seq, now])
    setAside.append((place, seq, queue))
  }

  /// Writes what was gathered. The last thing before the commit.
  func finish() throws {
    if nextSeq != firstSeq || topologyVersion != writtenTopologyVersion || workersVersion != writtenWorkersVersion {
      let write = statements.writeMeta
      write.bind(1, nextSeq)
      write.bind(2, topologyVersion)
      write.bind(3, workersVersion)
      try write.run()
    }
    for work in work.all {
      let counts = work.counts
      let write = statements.writeDepth
      write.bind(1, work.queue)
      write.bind(2, counts.ready)
      write.bind(3, counts.delayed)
      write.bind(4, counts.running)
      write.bind(5, counts.published)
      write.bind(6, counts.completed)
      write.bind(7, counts.retried)
      write.bind(8, counts.deadLettered)
      try write.run()
    }
  }

  // MARK: After the commit

  /// Makes what happened known to the state. What callers and consumers are told comes after that.
  func updateState() {
    // Other processes have taken what it held before.
    let lost = isDispossessed ? state.deliveries.fences : []
    if isDispossessed { state.worker = nil }
    if let enrolled { state.worker = enrolled }
    if hasRetired { state.worker = nil }
    for consumer in joining { state.deliveries.begin(consumer) }
    // First those that came: their fences are by the places that were free before.
    state.deliveries.add(opened)
    state.deliveries.remove(closed + lost)
    for consumer in leaving { state.deliveries.end(consumer) }
    state.leastSeq = nextSeq
  }
}
