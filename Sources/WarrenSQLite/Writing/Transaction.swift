internal import Foundation
internal import GRDB
internal import Warren

/// One transaction of the writer: what it changes in the file, and what is to be done once that is committed.
///
/// Its verbs stand in extensions, a file for each concern. They throw ``StorageError`` when the transaction as a whole must
/// fail, and return everything that concerns one caller only.
final class Transaction {
  let ledger: Ledger
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
  private var depths: [Int64: Depth] = [:]

  /// Messages that were published or came due in this transaction and stand in no table yet: they may be handed out
  /// without ever having waited.
  var fresh: [Int64: [Fresh]] = [:]
  var freshCount = 0

  /// What this transaction hands out, by consumer.
  var claimed: [Int64: [Delivery]] = [:]
  var claimedUnsettled: [(seq: Int64, unsettled: Unsettled)] = []
  /// Deliveries of this process that are over.
  var settled: [Int64] = []
  /// How many deliveries each consumer has got rid of in this transaction.
  var freed: [Int64: Int] = [:]
  var lastFence: Int64
  /// Queues in which something now waits, or will, that other processes may take.
  var waking: Set<Int64> = []
  /// Whether a bound was reached and another transaction should follow at once.
  var isUnfinished = false
  var needsExpirySweep = false
  /// Whether this process's deliveries were taken away, because it showed no sign of life.
  private(set) var isDispossessed = false
  /// The row that this transaction has given this process.
  var enrolled: Int64?
  /// Consumers that begin.
  var joining: [LocalConsumer] = []
  /// Consumers that have ended.
  var leaving: [Int64] = []
  /// Deliveries that their consumers did not take, because they stopped meanwhile.
  private(set) var refused: [Delivery] = []
  /// Run after the commit, in order.
  var afterCommit: [() -> Void] = []

  var statements: Statements { ledger.statements }

  /// This process's row in the table `worker`, if it has one.
  var worker: Int64? { enrolled ?? (isDispossessed ? nil : ledger.worker) }

  init(_ database: Database, _ ledger: Ledger, time: Date) throws {
    self.database = database
    self.ledger = ledger
    self.time = time
    now = time.milliseconds
    lastFence = ledger.lastFence
    try statements.readMeta.first { row in
      nextSeq = row.int(0)
      topologyVersion = row.int(1)
      workersVersion = row.int(2)
    }
    firstSeq = nextSeq
    writtenTopologyVersion = topologyVersion
    writtenWorkersVersion = workersVersion
    if topologyVersion != ledger.topologyVersion { try reloadCatalogue() }
    if workersVersion != ledger.workersVersion { try reloadWorkers() }
  }

  // MARK: What others may have changed

  /// Reading it again is right whatever becomes of this transaction: a rollback is followed by another reading.
  func reloadCatalogue() throws {
    ledger.catalogue = try Catalogue(database)
    ledger.topologyVersion = topologyVersion
  }

  /// Notes that queues, exchanges or bindings have changed.
  func changeTopology() throws {
    topologyVersion += 1
    try reloadCatalogue()
  }

  /// Notes that workers came or went.
  func changeWorkers() throws {
    workersVersion += 1
    try reloadWorkers()
  }

  private func reloadWorkers() throws {
    if let worker = ledger.worker {
      statements.workerExists.bind(1, worker)
      isDispossessed = try statements.workerExists.first { _ in true } == nil
    }
    let own: Int64 = enrolled ?? ledger.worker ?? 0
    var others: [Int64: (file: String, queues: Set<Int64>)] = [:]
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT w.id, w.file, q.queue FROM worker w JOIN worker_queue q ON q.worker = w.id WHERE w.id <> ?
        """, arguments: [own])
    for row in rows { others[row["id"], default: (row["file"], [])].queues.insert(row["queue"]) }
    ledger.others = Array(others.values)
    ledger.workersVersion = workersVersion
  }

  // MARK: Numbers and counts

  func takeSeq() -> Int64 {
    defer { nextSeq += 1 }
    return nextSeq
  }

  func count(_ queue: Int64, _ change: (inout Depth) -> Void) { change(&depths[queue, default: Depth()]) }

  /// Writes what was gathered. The last thing before the commit.
  func finish() throws {
    if nextSeq != firstSeq || topologyVersion != writtenTopologyVersion || workersVersion != writtenWorkersVersion {
      let write = statements.writeMeta
      write.bind(1, nextSeq)
      write.bind(2, topologyVersion)
      write.bind(3, workersVersion)
      try write.run()
    }
    for (queue, depth) in depths {
      let write = statements.writeDepth
      write.bind(1, queue)
      write.bind(2, depth.ready)
      write.bind(3, depth.delayed)
      write.bind(4, depth.running)
      write.bind(5, depth.published)
      write.bind(6, depth.completed)
      write.bind(7, depth.retried)
      write.bind(8, depth.deadLettered)
      try write.run()
    }
  }

  /// Makes what happened known to the ledger and to everybody concerned. Runs after the commit.
  func conclude() {
    if isDispossessed {
      ledger.unsettled = [:]
      for consumer in ledger.consumers.values { consumer.unsettled = 0 }
      ledger.worker = nil
    }
    if let enrolled { ledger.worker = enrolled }
    for seq in settled { ledger.unsettled[seq] = nil }
    for (consumer, count) in freed { ledger.consumers[consumer]?.unsettled -= count }
    for (seq, unsettled) in claimedUnsettled { ledger.unsettled[seq] = unsettled }
    ledger.lastFence = lastFence
    for consumer in joining { ledger.consumers[consumer.id] = consumer }
    for (id, deliveries) in claimed {
      guard let consumer = ledger.consumers[id] else { continue }
      consumer.unsettled += deliveries.count
      refused += consumer.consumer.hand(deliveries)
    }
    for id in leaving { ledger.consumers[id] = nil }
    for action in afterCommit { action() }
  }
}
