internal import Foundation
internal import Warren

/// Messages of one call that wait to be stored.
struct PublishRequest: Sendable {
  /// Checked, so that they can be stored.
  var publications: [Publication]
  var bytes: Int
  /// When the call gives up, by the time that has passed.
  var deadline: Duration
  var continuation: UnsafeContinuation<Result<[PublishResult], BrokerError>, Never>
}

/// A settlement that waits to be written.
struct SettleRequest: Sendable {
  var token: Delivery.Token
  var settlement: Settlement
  /// Set when the caller was cancelled: then it no longer waits for a file that cannot be written.
  var isGivenUp: Flag
  var continuation: UnsafeContinuation<Result<SettleOutcome, BrokerError>, Never>
}

/// Anything else that is to be done in a transaction.
struct Operation: Sendable {
  /// Whether it is tried again until it succeeds or the broker stops, as settlements are.
  var isKept = false
  /// When its caller gives up; `nil`: never.
  var deadline: Duration?
  /// Returns what to do after the commit. What it throws, other than ``StorageError``, concerns its caller alone: it is
  /// undone, and the rest of the transaction goes on.
  var perform: @Sendable (Transaction) throws -> () -> Void
  var fail: @Sendable (BrokerError) -> Void

  func isOverdue(_ now: Duration) -> Bool { deadline.map { $0 <= now } ?? false }
}

/// What waits for the writer.
struct Inbox: Sendable {
  var publishes: [PublishRequest] = []
  var settlements: [SettleRequest] = []
  var operations: [Operation] = []

  var isEmpty: Bool { publishes.isEmpty && settlements.isEmpty && operations.isEmpty }

  /// Takes out so much that one transaction stays short.
  mutating func take(messages: Int, bytes: Int) -> Inbox {
    var taken = Inbox()
    swap(&taken.operations, &operations)
    if settlements.count <= messages {
      swap(&taken.settlements, &settlements)
    } else {
      taken.settlements = Array(settlements.prefix(messages))
      settlements.removeFirst(messages)
    }
    var count = 0
    var size = 0
    var requests = 0
    for request in publishes {
      // One request is stored as a whole, however large.
      if requests > 0, count + request.publications.count > messages || size + request.bytes > bytes { break }
      count += request.publications.count
      size += request.bytes
      requests += 1
    }
    if requests == publishes.count {
      swap(&taken.publishes, &publishes)
    } else {
      taken.publishes = Array(publishes.prefix(requests))
      publishes.removeFirst(requests)
    }
    return taken
  }

  /// Each request by itself, so that one that cannot be done fails alone.
  var singles: [Inbox] {
    operations.map { Inbox(operations: [$0]) } + settlements.map { Inbox(settlements: [$0]) }
      + publishes.map { Inbox(publishes: [$0]) }
  }

  /// What must not be told that it failed: it is tried again until it succeeds, or the broker stops.
  var kept: Inbox {
    Inbox(settlements: settlements.filter { !$0.isGivenUp.isSet }, operations: operations.filter(\.isKept))
  }

  /// The others.
  var notKept: Inbox {
    Inbox(
      publishes: publishes, settlements: settlements.filter { $0.isGivenUp.isSet },
      operations: operations.filter { !$0.isKept })
  }

  /// Those whose callers wait no longer for a file that cannot be written.
  mutating func takeGivenUp() -> Inbox {
    let givenUp = Inbox(settlements: settlements.filter { $0.isGivenUp.isSet })
    if !givenUp.isEmpty { settlements.removeAll { $0.isGivenUp.isSet } }
    return givenUp
  }

  /// Takes out what its callers have given up.
  mutating func takeOverdue(_ now: Duration) -> Inbox {
    var overdue = Inbox()
    if publishes.contains(where: { $0.deadline <= now }) {
      overdue.publishes = publishes.filter { $0.deadline <= now }
      publishes.removeAll { $0.deadline <= now }
    }
    if operations.contains(where: { $0.isOverdue(now) }) {
      overdue.operations = operations.filter { $0.isOverdue(now) }
      operations.removeAll { $0.isOverdue(now) }
    }
    return overdue
  }

  /// Puts back what was taken, before everything that came since.
  mutating func putBack(_ taken: Inbox) {
    operations = taken.operations + operations
    settlements = taken.settlements + settlements
    publishes = taken.publishes + publishes
  }

  /// How many requests these are.
  var count: Int { publishes.count + settlements.count + operations.count }

  /// Fails all of them.
  func fail(_ error: BrokerError) {
    for request in publishes { request.continuation.resume(returning: .failure(error)) }
    for request in settlements { request.continuation.resume(returning: .failure(error)) }
    for operation in operations { operation.fail(error) }
  }
}
