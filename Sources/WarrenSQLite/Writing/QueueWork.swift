internal import Foundation
internal import Warren

/// By how much a transaction changes the counts of one queue.
struct QueueCounts {
  var ready: Int64 = 0
  var delayed: Int64 = 0
  var running: Int64 = 0
  var published: Int64 = 0
  var completed: Int64 = 0
  var retried: Int64 = 0
  var deadLettered: Int64 = 0
}

/// A message that has arrived in this transaction and stands in no place yet: it may be handed out without ever having
/// waited.
struct FreshMessage {
  var seq: Int64
  var message: Message
  var exchange: ExchangeName?
  var key: RoutingKey
  var parkAt: Int64?
  var unique: UniqueKey?
}

/// What one transaction does in one queue.
struct QueueWork {
  let queue: Int64
  var counts = QueueCounts()
  var fresh: [FreshMessage] = []
  /// Whether other processes may find something in it.
  var wakesOthers = false

  mutating func takeFresh() -> [FreshMessage] {
    defer { fresh = [] }
    return fresh
  }
}

/// What one transaction does, queue by queue. Most transactions touch one queue or two, many times.
struct WorkByQueue {
  private(set) var all: [QueueWork] = []
  private var places: [Int64: Int] = [:]
  private var last = -1

  subscript(queue: Int64) -> QueueWork {
    mutating get { all[place(of: queue)] }
    _modify { yield &all[place(of: queue)] }
  }

  private mutating func place(of queue: Int64) -> Int {
    if last >= 0, all[last].queue == queue { return last }
    if let known = places[queue] {
      last = known
    } else {
      last = all.count
      places[queue] = last
      all.append(QueueWork(queue: queue))
    }
    return last
  }
}
