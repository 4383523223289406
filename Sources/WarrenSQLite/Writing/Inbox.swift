internal import Foundation
internal import Warren

/// Messages of one call that wait to be stored.
struct PublishRequest: Sendable {
  /// Checked, so that they can be stored.
  var publications: [Publication]
  var bytes: Int
  /// When the call gives up.
  var deadline: Date
  var continuation: CheckedContinuation<Result<[PublishResult], BrokerError>, Never>
}

/// A settlement that waits to be written.
struct SettleRequest: Sendable {
  var token: Delivery.Token
  var settlement: Settlement
  /// Set when the caller was cancelled: then it no longer waits for a file that cannot be written.
  var isGivenUp: Flag
  var continuation: CheckedContinuation<Result<SettleResult, BrokerError>, Never>
}

/// Anything else that is to be done in a transaction.
struct Operation: Sendable {
  /// Whether it is tried again until it succeeds or the broker stops, as settlements are.
  var isKept = false
  /// Returns what to do after the commit. What it throws, other than ``StorageError``, concerns its caller alone: it is
  /// undone, and the rest of the transaction goes on.
  var perform: @Sendable (Transaction) throws -> () -> Void
  var fail: @Sendable (BrokerError) -> Void
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

  /// Takes out a single request, to find the one that fails.
  mutating func takeOne() -> Inbox {
    var taken = Inbox()
    if !operations.isEmpty {
      taken.operations = [operations.removeFirst()]
    } else if !settlements.isEmpty {
      taken.settlements = [settlements.removeFirst()]
    } else if !publishes.isEmpty {
      taken.publishes = [publishes.removeFirst()]
    }
    return taken
  }

  /// Puts back what was taken, before everything that came since.
  mutating func putBack(_ taken: Inbox) {
    operations = taken.operations + operations
    settlements = taken.settlements + settlements
    publishes = taken.publishes + publishes
  }

  /// How many requests these are.
  var count: Int { publishes.count + settlements.count + operations.count }

  /// Fails everybody.
  func fail(_ error: BrokerError) {
    for request in publishes { request.continuation.resume(returning: .failure(error)) }
    for request in settlements { request.continuation.resume(returning: .failure(error)) }
    for operation in operations { operation.fail(error) }
  }
}
