internal import Synchronization
internal import Warren

/// A consumer of this process, as the writer sees it. All but the flags is touched on the writer's queue only.
final class LocalConsumer: @unchecked Sendable {
  let id: Int64
  let queue: Int64
  let consumer: Consumer
  /// `false` once the worker wants nothing more; set from anywhere.
  let isOpen: Flag
  /// `true` while the worker wants nothing for a time; set from anywhere.
  let isPaused: Flag
  /// Deliveries that are out, as of the last commit.
  var unsettled = 0

  init(id: Int64, queue: Int64, consumer: Consumer, isOpen: Flag, isPaused: Flag) {
    self.id = id
    self.queue = queue
    self.consumer = consumer
    self.isOpen = isOpen
    self.isPaused = isPaused
  }

  /// Whether it takes deliveries now.
  var isTaking: Bool { isOpen.isSet && !isPaused.isSet }
}

/// A delivery that this process holds.
struct Unsettled {
  var consumer: Int64
  var queue: Int64
  var fence: Int64
  /// The rank without the lane.
  var rank: Int64
  /// What is added to the rank of one that is handed out alone; else 0.
  var lane: Int64
  var hasHistory: Bool
  /// When it is parked as expired, unless it is settled before.
  var parkAt: Int64?
  /// The key that is remembered when this is over.
  var unique: UniqueKey?
}

/// A yes or no that threads share.
final class Flag: Sendable {
  private let value: Atomic<Bool>
  init(_ value: Bool) { self.value = Atomic(value) }
  func set(_ value: Bool) { self.value.store(value, ordering: .releasing) }
  var isSet: Bool { value.load(ordering: .acquiring) }
}
