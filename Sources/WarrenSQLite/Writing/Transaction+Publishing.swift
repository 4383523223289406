internal import Foundation
internal import Warren

/// A message that has arrived and stands in no table of places yet.
struct Fresh {
  var seq: Int64
  var rank: Int64
  var message: Message
  var exchange: ExchangeName?
  var key: RoutingKey
  var parkAt: Int64?
  var unique: UniqueKey?
}

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
      guard let queues = ledger.catalogue.route(name, key) else {
        return .failed(
          BrokerError(.notFound, "there is no exchange '\(name)': apply a topology that has it before publishing"))
      }
      if queues.isEmpty { return .unroutable }
      for queue in queues { try store(publication.message, in: queue, exchange: name, key: key) }
      return .stored
    case .queue(let name):
      guard let queue = ledger.catalogue.queues[name] else { return .unroutable }
      let unique = publication.unique.map { UniqueKey($0, in: queue.id) }
      if let unique, try hasOrHad(unique) { return .repeated }
      try store(
        publication.message, in: queue.id, exchange: nil, key: RoutingKey(name.rawValue),
        notBefore: publication.notBefore, unique: unique)
      return .stored
    }
  }

  /// Whether the queue has a job with this key, if only as a dead letter, or had one lately.
  private func hasOrHad(_ unique: UniqueKey) throws -> Bool {
    statements.findKey.bind(1, unique.queue)
    statements.findKey.bind(2, unique.key)
    if try statements.findKey.first({ _ in true }) != nil { return true }
    statements.isRemembered.bind(1, unique.queue)
    statements.isRemembered.bind(2, unique.key)
    statements.isRemembered.bind(3, now)
    return try statements.isRemembered.first { _ in true } != nil
  }

  /// Stores one message in one queue.
  func store(
    _ message: Message, in queue: Int64, exchange: ExchangeName?, key: RoutingKey, notBefore: Date? = nil,
    unique: UniqueKey? = nil
  ) throws {
    let seq = takeSeq()
    let parkAt = expiry(in: queue, ofMessage: message.expiresAt?.milliseconds)
    let insert = statements.insertMessage
    insert.bind(1, seq)
    insert.bind(2, queue)
    message.bind(
      to: insert, exchange: ledger.catalogue.exchangeID(exchange), key: key, parkAt: parkAt, unique: unique)
    try insert.run()
    count(queue) { $0.published += 1 }
    if let notBefore, notBefore > time {
      try delay(seq, in: queue, until: notBefore.millisecondsRoundedUp)
    } else {
      // As it would come out of the file.
      var message = message
      message.timestamp = (message.timestamp?.milliseconds).map { Date(milliseconds: $0) }
      message.expiresAt = (message.expiresAt?.milliseconds).map { Date(milliseconds: $0) }
      fresh[queue, default: []].append(
        Fresh(
          seq: seq, rank: message.rank, message: message, exchange: exchange, key: key, parkAt: parkAt,
          unique: unique))
      freshCount += 1
    }
  }

  /// When a message that comes into a queue now is parked as expired: after its own time, or the queue's.
  func expiry(in queue: Int64, ofMessage own: Int64?) -> Int64? {
    let ofQueue = ledger.catalogue[queue]?.queue.timeToLive.map { now + $0.milliseconds }
    guard let own, let ofQueue else { return own ?? ofQueue }
    return min(own, ofQueue)
  }

  // MARK: Places

  /// Lets a message wait for its time.
  func delay(_ seq: Int64, in queue: Int64, until due: Int64) throws {
    statements.insertDelayed.bind(1, seq)
    statements.insertDelayed.bind(2, queue)
    statements.insertDelayed.bind(3, due)
    try statements.insertDelayed.run()
    count(queue) { $0.delayed += 1 }
    waking.insert(queue)
  }

  /// Lets a message wait for a worker.
  func makeReady(_ seq: Int64, in queue: Int64, rank: Int64) throws {
    statements.insertReady.bind(1, queue)
    statements.insertReady.bind(2, rank)
    statements.insertReady.bind(3, seq)
    try statements.insertReady.run()
    count(queue) { $0.ready += 1 }
    waking.insert(queue)
  }

  /// Moves what has come due to where it waits for a worker.
  func promoteDue(limit: Int) throws {
    var due: [(seq: Int64, queue: Int64)] = []
    statements.listDue.bind(1, now)
    statements.listDue.bind(2, Int64(limit))
    while try statements.listDue.step() { due.append((statements.listDue.int(0), statements.listDue.int(1))) }
    for (seq, queue) in due {
      statements.deleteDelayed.bind(1, seq)
      try statements.deleteDelayed.run()
      count(queue) { $0.delayed -= 1 }
      try makeReady(seq, in: queue, rank: try place(of: seq)?.rank ?? 0)
    }
    if due.count == limit { isUnfinished = true }
  }

  /// Where a message belongs among those that wait.
  func place(of seq: Int64) throws -> (queue: Int64, rank: Int64, parkAt: Int64?)? {
    statements.readPlace.bind(1, seq)
    return try statements.readPlace.first { row in
      (row.int(0), 9 - row.int(1) + row.int(3), row.optionalInt(2))
    }
  }
}
