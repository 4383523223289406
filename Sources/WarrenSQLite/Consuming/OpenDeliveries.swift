internal import Warren

/// A consumer of this process, as the writer sees it. All but the flag is touched on the writer's queue only.
final class LocalConsumer: @unchecked Sendable {
  let id: Int64
  let queue: Int64
  let consumer: Consumer
  /// `false` once the worker wants nothing more; set from anywhere.
  let isOpen: Flag
  /// Deliveries that are out, as of the last commit.
  fileprivate(set) var unsettled = 0

  init(id: Int64, queue: Int64, consumer: Consumer, isOpen: Flag) {
    self.id = id
    self.queue = queue
    self.consumer = consumer
    self.isOpen = isOpen
  }

  /// Whether the worker wants nothing for a time.
  var isPaused: Bool { consumer.pausedUntil != nil }

  /// Whether it takes deliveries now.
  var isTaking: Bool { isOpen.isSet && !isPaused }

  /// How many deliveries it could take, as of the last commit.
  var credit: Int { isTaking ? min(consumer.prefetch - unsettled, consumer.room ?? .max) : 0 }
}

/// A delivery that this process holds.
struct OpenDelivery {
  var seq: Int64
  var consumer: LocalConsumer
  /// Tells apart the times that one message was handed to this worker.
  var fence: Int64
  /// The rank without the isolation.
  var rank: Int64
  /// What is added to the rank of one that is handed out alone; else 0.
  var isolation: Int64 = 0
  var hasHistory = false
  /// When it is parked as expired, unless it is settled before.
  var parkAt: Int64?
  /// The key that is remembered when this is over.
  var unique: UniqueKey?

  var queue: Int64 { consumer.queue }
}

/// What this process has handed out and not settled, and to which consumers. Touched on the writer's queue only, and changed
/// only after a commit.
///
/// A delivery is found again by its fence, whose lower part is a place in an array.
struct OpenDeliveries {
  private static let placeBits: Int64 = 24
  private var places: [OpenDelivery?] = []
  private var free: [Int] = []
  private var count: Int64 = 0
  /// In the order in which they came.
  private(set) var consumers: [LocalConsumer] = []

  /// A delivery that is out; `nil` when the token is another one's.
  subscript(token: Delivery.Token) -> OpenDelivery? {
    let place = Int(token.fence & (1 << Self.placeBits - 1))
    guard place < places.count, let found = places[place], found.fence == token.fence, found.seq == token.number
    else { return nil }
    return found
  }

  /// The fence of the delivery that a transaction adds after `added` others.
  func fence(after added: Int) -> Int64 {
    let place = added < free.count ? free[free.count - 1 - added] : places.count + added - free.count
    return (count + Int64(added) + 1) << Self.placeBits | Int64(place)
  }

  /// All that a consumer holds, the oldest first.
  func held(by consumer: LocalConsumer) -> [OpenDelivery] {
    places.compactMap { $0 }.filter { $0.consumer === consumer }.sorted { $0.seq < $1.seq }
  }

  func consumers(of queue: Int64) -> [LocalConsumer] { consumers.filter { $0.queue == queue } }

  /// The fences of all deliveries.
  var fences: [Int64] { places.compactMap { $0?.fence } }

  /// Whether any consumer could take a delivery.
  var hasCredit: Bool { consumers.contains { $0.credit > 0 } }

  // MARK: After a commit

  mutating func begin(_ consumer: LocalConsumer) { consumers.append(consumer) }

  mutating func end(_ consumer: LocalConsumer) { consumers.removeAll { $0 === consumer } }

  /// Deliveries whose fences are those of ``fence(after:)``, in that order.
  mutating func add(_ deliveries: [OpenDelivery]) {
    for delivery in deliveries {
      delivery.consumer.unsettled += 1
      if free.popLast() == nil { places.append(delivery) } else { places[place(of: delivery.fence)] = delivery }
    }
    count += Int64(deliveries.count)
  }

  mutating func remove(_ fences: [Int64]) {
    for fence in fences {
      let place = place(of: fence)
      guard place < places.count, let found = places[place], found.fence == fence else { continue }
      found.consumer.unsettled -= 1
      places[place] = nil
      free.append(place)
    }
  }

  private func place(of fence: Int64) -> Int { Int(fence & (1 << Self.placeBits - 1)) }
}
