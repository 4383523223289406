internal import Foundation
internal import Warren

extension Transaction {
  /// Stores messages in every queue that they are routed to.
  func publish(_ publications: [Publication]) throws -> [PublishResult] {
    var results: [PublishResult] = []
    results.reserveCapacity(publications.count)
    for publication in publications { results.append(try publish(publication)) }
    return results
  }

  private func publish(_ publication: Publication) throws -> PublishResult {
    switch publication.destination {
    case .exchange(let name, let key):
      guard let queues = state.topology.route(name, key) else {
        return .failed(BrokerError.missing(name))
      }
      if queues.isEmpty { return .unroutable }
      for queue in queues { try store(publication.message, in: queue, exchange: name, key: key) }
      return .stored
    case .queue(let name):
      guard let queue = state.topology.queues[name] else { return .unroutable }
      let key = RoutingKey(name.rawValue)
      guard let uniqueness = publication.unique else {
        try store(publication.message, in: queue, exchange: nil, key: key, notBefore: publication.notBefore)
        return .stored
      }
      var unique = UniqueKey(uniqueness, in: queue.id)
      var notBefore = publication.notBefore
      if uniqueness.onRepeat.kind == .keep {
        if try has(unique) || isRemembered(unique) { return .repeated }
      } else if let since = try removeWaiting(unique) {
        unique.since = since
      } else {
        if try isRemembered(unique) { return .repeated }
        unique.since = now
      }
      if let longest = uniqueness.onRepeat.longestDelay, let since = unique.since, let due = notBefore {
        notBefore = min(due, Date(wholeMilliseconds: since).adding(longest))
      }
      try store(publication.message, in: queue, exchange: nil, key: key, notBefore: notBefore, unique: unique)
      return .stored
    }
  }

  /// Whether a job with this key was completed lately.
  private func isRemembered(_ unique: UniqueKey) throws -> Bool {
    statements.isRemembered.bind(1, unique.queue)
    statements.isRemembered.bind(2, unique.key)
    statements.isRemembered.bind(3, now)
    return try statements.isRemembered.first { _ in true } != nil
  }

  /// Whether the queue has a job with this key, if only as a dead letter.
  private func has(_ unique: UniqueKey) throws -> Bool {
    statements.findKey.bind(1, unique.queue)
    statements.findKey.bind(2, unique.key)
    return try statements.findKey.first { _ in true } != nil
  }

  /// Makes room for a job that takes the place of the one with its key that waits: one that runs, or is a dead letter, stays.
  /// Returns when the first of them came; `nil` when none waits.
  private func removeWaiting(_ unique: UniqueKey) throws -> Int64? {
    var waiting: [(seq: Int64, since: Int64)] = []
    let find = statements.findWaitingKey
    find.bind(1, unique.queue)
    find.bind(2, unique.key)
    while try find.step() { waiting.append((find.int(0), find.optionalInt(1) ?? find.optionalInt(2) ?? now)) }
    for (seq, _) in waiting { try deleteWaiting(seq, in: unique.queue) }
    return waiting.map(\.since).min()
  }

  /// Deletes a message that waits, is delayed, or has come in this transaction.
  func deleteWaiting(_ seq: Int64, in queue: Int64) throws {
    if let index = work[queue].fresh.firstIndex(where: { $0.seq == seq }) {
      work[queue].fresh.remove(at: index)
    } else {
      try removeWaiting(seq, in: queue)
    }
    try remove(seq)
  }

  /// Stores one message in one queue.
  func store(
    _ message: Message, in queue: KnownQueue, exchange: ExchangeName?, key: RoutingKey, notBefore: Date? = nil,
    unique: UniqueKey? = nil
  ) throws {
    let seq = takeSeq()
    let parkAt = expiry(in: queue, ofMessage: message.expiresAt?.wholeMilliseconds)
    let insert = statements.insertMessage
    let due = notBefore.flatMap { $0 > time ? $0.wholeMillisecondsRoundedUp : nil }
    MessageRow(
      seq: seq, queue: queue.id, message: message, exchange: state.topology.exchangeID(exchange), key: key,
      parkAt: parkAt, due: due, unique: unique
    ).bind(to: insert)
    try insert.run()
    work[queue.id].counts.published += 1
    if let due {
      try delay(seq, in: queue.id, until: due)
    } else {
      work[queue.id].fresh.append(
        FreshMessage(
          seq: seq, message: message.asStored, exchange: exchange, key: key, parkAt: parkAt, unique: unique))
    }
  }

  /// Forgets keys of finished jobs whose time is over. Returns how many.
  func forgetKeys(limit: Int) throws -> Int {
    let list = statements.listForgotten
    list.bind(1, now)
    list.bind(2, Int64(limit))
    var over: [(queue: Int64, key: String)] = []
    while try list.step() { over.append((list.int(0), list.text(1))) }
    var forgotten = 0
    for (queue, key) in over {
      statements.forget.bind(1, queue)
      statements.forget.bind(2, key)
      forgotten += try statements.forget.run()
    }
    return forgotten
  }
}
