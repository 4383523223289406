internal import Foundation
internal import Warren

extension Transaction {
  /// Hands out what waits to the consumers of this process, as far as their credit goes. What was published in this
  /// transaction is among it.
  ///
  /// - Parameter everywhere: whether queues are asked in which nothing is counted.
  func claim(limit: Int, everywhere: Bool) throws {
    var left = limit
    if let worker, limit > 0 {
      let queues = everywhere ? nil : try queuesWithWork()
      for consumer in state.deliveries.consumers where left > 0 && queues?.contains(consumer.queue) ?? true {
        guard consumer.isTaking, let queue = state.topology[consumer.queue], !queue.isPaused,
          !leaving.contains(where: { $0 === consumer })
        else { continue }
        let credit = min(consumer.credit + (freed[ObjectIdentifier(consumer)] ?? 0), consumer.consumer.room ?? .max)
        if credit <= 0 { continue }
        left -= try claim(for: consumer, queue.name, worker: worker, upTo: min(credit, left))
      }
      if left <= 0 { isUnfinished = true }
    }
    for index in work.all.indices where !work.all[index].fresh.isEmpty {
      let queue = work.all[index].queue
      for message in work[queue].takeFresh() { try makeReady(message.seq, in: queue, rank: message.message.rank) }
    }
  }

  /// The queues in which something may be for a consumer; `nil`: it has to be asked of each.
  private func queuesWithWork() throws -> Set<Int64>? {
    if state.deliveries.consumers.count < 8 { return nil }
    var waiting = Set<Int64>()
    if let known = state.waiting {
      waiting = known
    } else {
      while try statements.listWaiting.step() { waiting.insert(statements.listWaiting.int(0)) }
      state.waiting = waiting
    }
    for work in work.all where !work.fresh.isEmpty || work.counts.ready > 0 { waiting.insert(work.queue) }
    return waiting
  }

  private func claim(
    for consumer: LocalConsumer, _ queue: QueueName, worker: Int64, upTo limit: Int
  ) throws -> Int {
    let id = consumer.queue
    var deliveries: [Delivery] = []
    var mayWait = true
    if !work[id].fresh.isEmpty {
      let fresh = work[id].takeFresh()
      if try isEmpty(id) {
        // None waits before these, so they need not wait either.
        try hand(fresh, to: consumer, queue, worker: worker, upTo: limit, &deliveries)
        mayWait = false
      } else {
        for message in fresh { try makeReady(message.seq, in: id, rank: message.message.rank) }
      }
    }
    if mayWait {
      if deliveries.count < limit { try handSuspect(to: consumer, queue, worker: worker, &deliveries) }
      if deliveries.count < limit { try handReady(to: consumer, queue, worker: worker, upTo: limit, &deliveries) }
    }
    if !deliveries.isEmpty { handed.append((consumer, deliveries)) }
    return deliveries.count
  }

  private func isEmpty(_ queue: Int64) throws -> Bool {
    statements.anyReady.bind(1, queue)
    return try statements.anyReady.first { _ in true } == nil
  }

  /// Hands out messages of this transaction; those that are too many stay fresh.
  private func hand(
    _ messages: [FreshMessage], to consumer: LocalConsumer, _ queue: QueueName, worker: Int64, upTo limit: Int,
    _ deliveries: inout [Delivery]
  ) throws {
    // In the order of rank, and in each rank of arrival: a stable sort, which Swift's is.
    let first = messages[0].message.rank
    let sorted =
      messages.allSatisfy { $0.message.rank == first }
      ? messages : messages.sorted { $0.message.rank < $1.message.rank }
    deliveries.reserveCapacity(min(limit, sorted.count))
    for message in sorted {
      if let parkAt = message.parkAt, parkAt <= now {
        try makeReady(message.seq, in: consumer.queue, rank: message.message.rank)
        needsExpirySweep = true
        isUnfinished = true
        continue
      }
      if deliveries.count >= limit {
        work[consumer.queue].fresh.append(message)
        continue
      }
      let open = OpenDelivery(
        seq: message.seq, consumer: consumer, fence: state.deliveries.fence(after: opened.count),
        rank: message.message.rank, parkAt: message.parkAt, unique: message.unique)
      guard
        try markRunning(message.seq, consumer.queue, worker: worker, fence: open.fence, isSuspect: false)
      else { continue }
      opened.append(open)
      deliveries.append(
        Delivery(
          message: message.message, queue: queue, exchange: message.exchange, routingKey: message.key,
          history: History(), isSuspect: false,
          token: .init(scope: worker, number: message.seq, fence: open.fence)))
    }
  }

  /// Hands out one of those that are handed out alone, unless one is out.
  private func handSuspect(
    to consumer: LocalConsumer, _ queue: QueueName, worker: Int64, _ deliveries: inout [Delivery]
  ) throws {
    statements.firstSuspect.bind(1, consumer.queue)
    guard let (rank, seq) = try statements.firstSuspect.first({ ($0.int(0), $0.int(1)) }) else { return }
    statements.anySuspectRunning.bind(1, consumer.queue)
    if try statements.anySuspectRunning.first({ _ in true }) != nil { return }
    try hand(seq, rank: rank, to: consumer, queue, worker: worker, &deliveries)
  }

  private func handReady(
    to consumer: LocalConsumer, _ queue: QueueName, worker: Int64, upTo limit: Int, _ deliveries: inout [Delivery]
  ) throws {
    var chosen: [(rank: Int64, seq: Int64)] = []
    let wanted = limit - deliveries.count
    statements.listReady.bind(1, consumer.queue)
    statements.listReady.bind(2, Int64(wanted))
    while try statements.listReady.step() { chosen.append((statements.listReady.int(0), statements.listReady.int(1))) }
    let before = deliveries.count
    for (rank, seq) in chosen {
      try hand(seq, rank: rank, to: consumer, queue, worker: worker, &deliveries)
    }
    // Some of them were not what they said, and others wait behind them.
    if chosen.count == wanted, deliveries.count - before < wanted { isUnfinished = true }
    if chosen.count < wanted, try isEmpty(consumer.queue) { state.waiting?.remove(consumer.queue) }
  }

  /// Hands out one waiting message, unless its time is over or there is none.
  private func hand(
    _ seq: Int64, rank: Int64, to consumer: LocalConsumer, _ queue: QueueName, worker: Int64,
    _ deliveries: inout [Delivery]
  ) throws {
    let read = statements.readMessage
    read.bind(1, seq)
    guard let row = try read.first({ MessageRow($0) }) else {
      // A place without a message must not hold up those behind it.
      try dropReady(seq, in: consumer.queue, rank: rank)
      return try setAside("ready", seq, in: consumer.queue)
    }
    if let parkAt = row.parkAt, parkAt <= now {
      // Its turn comes at once, in the sweep; the place in the order is kept until then.
      needsExpirySweep = true
      isUnfinished = true
      return
    }
    try dropReady(seq, in: consumer.queue, rank: rank)
    let open = OpenDelivery(
      seq: seq, consumer: consumer, fence: state.deliveries.fence(after: opened.count), rank: row.message.rank,
      isolation: row.isolation, hasHistory: row.hasHistory, parkAt: row.parkAt, unique: row.unique)
    guard
      try markRunning(seq, consumer.queue, worker: worker, fence: open.fence, isSuspect: row.isolation > 0)
    else { return try setAside("ready", seq, in: consumer.queue) }
    opened.append(open)
    deliveries.append(
      Delivery(
        message: row.message, queue: queue, exchange: state.topology.exchangeName(row.exchange), routingKey: row.key,
        history: row.history, due: row.due.map { Date(wholeMilliseconds: $0) }, isSuspect: row.isolation > 0,
        token: .init(scope: worker, number: seq, fence: open.fence)))
  }
}
