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
      let unique = publication.unique.map { UniqueKey($0, in: queue.id) }
      if let unique, try hasOrHad(unique) { return .repeated }
      try store(
        publication.message, in: queue, exchange: nil, key: RoutingKey(name.rawValue),
        notBefore: publication.notBefore, unique: unique)
      return .stored
    }
  }

  /// Whether the queue has a job with this key, if only as a dead letter, or had one lately.
  private func hasOrHad(_ unique: UniqueKey) throws -> Bool {
    if try has(unique) { return true }
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
