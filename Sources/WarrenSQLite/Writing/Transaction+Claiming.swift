internal import Foundation
internal import Warren

extension Transaction {
  /// Hands out what waits to the consumers of this process, as far as their credit goes. What was published in this
  /// transaction is among it.
  func claim(limit: Int) throws {
    var left = limit
    if let worker {
      for consumer in ledger.consumers.values.sorted(by: { $0.id < $1.id }) where left > 0 {
        guard consumer.isTaking, let queue = ledger.catalogue[consumer.queue], !queue.isPaused
        else { continue }
        let credit = consumer.consumer.prefetch - consumer.unsettled + (freed[consumer.id] ?? 0)
        if credit <= 0 { continue }
        left -= try claim(for: consumer, queue.queue.name, worker: worker, upTo: min(credit, left))
      }
    }
    for (queue, messages) in fresh {
      for message in messages { try makeReady(message.seq, in: queue, rank: message.rank) }
    }
    fresh = [:]
    if left <= 0 { isUnfinished = true }
  }

  private func claim(
    for consumer: LocalConsumer, _ queue: QueueName, worker: Int64, upTo limit: Int
  ) throws -> Int {
    let id = consumer.queue
    var deliveries: [Delivery] = []
    if let messages = fresh[id] {
      statements.anyReady.bind(1, id)
      if try statements.anyReady.first({ _ in true }) == nil {
        // Nobody waits before these, so they need not wait either.
        fresh[id] = try hand(messages, to: consumer, queue, worker: worker, upTo: limit, &deliveries)
      } else {
        for message in messages { try makeReady(message.seq, in: id, rank: message.rank) }
        fresh[id] = nil
      }
    }
    if deliveries.count < limit { try handSuspect(to: consumer, queue, worker: worker, &deliveries) }
    if deliveries.count < limit { try handReady(to: consumer, queue, worker: worker, upTo: limit, &deliveries) }
    if !deliveries.isEmpty { claimed[consumer.id, default: []] += deliveries }
    return deliveries.count
  }

  /// Hands out messages of this transaction, and returns those that are too many.
  private func hand(
    _ messages: [Fresh], to consumer: LocalConsumer, _ queue: QueueName, worker: Int64, upTo limit: Int,
    _ deliveries: inout [Delivery]
  ) throws -> [Fresh]? {
    // In the order of rank, and in each rank of arrival: a stable sort, which Swift's is.
    let sorted = messages.allSatisfy { $0.rank == messages[0].rank } ? messages : messages.sorted { $0.rank < $1.rank }
    var rest: [Fresh] = []
    for message in sorted {
      if let parkAt = message.parkAt, parkAt <= now {
        try makeReady(message.seq, in: consumer.queue, rank: message.rank)
        needsExpirySweep = true
        isUnfinished = true
      } else if deliveries.count < limit {
        let fence = try markRunning(message.seq, consumer.queue, worker: worker, isSuspect: false)
        note(
          message.seq,
          Unsettled(
            consumer: consumer.id, queue: consumer.queue, fence: fence, rank: message.rank, lane: 0,
            hasHistory: false, parkAt: message.parkAt,
            unique: message.unique))
        deliveries.append(
          Delivery(
            message: message.message, queue: queue, exchange: message.exchange, routingKey: message.key,
            history: History(), isSuspect: false, token: .init(scope: worker, number: message.seq, fence: fence)))
      } else {
        rest.append(message)
      }
    }
    return rest.isEmpty ? nil : rest
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
    statements.listReady.bind(1, consumer.queue)
    statements.listReady.bind(2, Int64(limit - deliveries.count))
    while try statements.listReady.step() { chosen.append((statements.listReady.int(0), statements.listReady.int(1))) }
    for (rank, seq) in chosen {
      try hand(seq, rank: rank, to: consumer, queue, worker: worker, &deliveries)
    }
  }

  /// Hands out one waiting message, or parks it if its time is over.
  private func hand(
    _ seq: Int64, rank: Int64, to consumer: LocalConsumer, _ queue: QueueName, worker: Int64,
    _ deliveries: inout [Delivery]
  ) throws {
    let read = statements.readMessage
    read.bind(1, seq)
    let found = try read.first { row in
      (
        message: Message(row), exchange: row.optionalInt(2), key: row.optionalText(3), parkAt: row.optionalInt(12),
        unique: UniqueKey(row), lane: row.int(18), hasHistory: !row.isNull(18),
        history: History(stored: row.optionalText(19))
      )
    }
    guard let found else {
      throw StorageError(code: 11, message: "the message \(seq) of the queue '\(queue)' has no content")
    }
    if let parkAt = found.parkAt, parkAt <= now {
      // Its turn comes at once, in the sweep; the place in the order is kept until then.
      needsExpirySweep = true
      isUnfinished = true
      return
    }
    try removeReady(seq, in: consumer.queue, rank: rank)
    let fence = try markRunning(seq, consumer.queue, worker: worker, isSuspect: found.lane > 0)
    note(
      seq,
      Unsettled(
        consumer: consumer.id, queue: consumer.queue, fence: fence, rank: found.message.rank,
        lane: found.lane, hasHistory: found.hasHistory, parkAt: found.parkAt,
        unique: found.unique))
    deliveries.append(
      Delivery(
        message: found.message, queue: queue, exchange: ledger.catalogue.exchangeName(found.exchange),
        routingKey: RoutingKey(found.key ?? found.message.name?.rawValue ?? ""), history: found.history,
        isSuspect: found.lane > 0, token: .init(scope: worker, number: seq, fence: fence)))
  }

  // MARK: Places

  func removeReady(_ seq: Int64, in queue: Int64, rank: Int64) throws {
    statements.deleteReady.bind(1, queue)
    statements.deleteReady.bind(2, rank)
    statements.deleteReady.bind(3, seq)
    try statements.deleteReady.run()
    count(queue) { $0.ready -= 1 }
  }

  private func markRunning(_ seq: Int64, _ queue: Int64, worker: Int64, isSuspect: Bool) throws -> Int64 {
    lastFence += 1
    let insert = statements.insertRunning
    insert.bind(1, seq)
    insert.bind(2, queue)
    insert.bind(3, worker)
    insert.bind(4, lastFence)
    insert.bind(5, now)
    insert.bind(6, isSuspect ? 1 : Int64(0))
    try insert.run()
    count(queue) { $0.running += 1 }
    return lastFence
  }

  private func note(_ seq: Int64, _ unsettled: Unsettled) { claimedUnsettled.append((seq, unsettled)) }
}
