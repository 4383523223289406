import DequeModule
import NIOCore

/// What became of the deliveries of a channel, and which acknowledgements have to be written.
///
/// Finished deliveries are acknowledged together: one `multiple` ack for the finished prefix, single ones for what finished
/// past an unfinished delivery. A delivery is settled once; a second time, or one of an earlier generation of the channel, is
/// refused here, because on the wire it would close the channel or acknowledge another delivery.
///
/// Neither memory nor the cost of a step grows with what came since an unsettled delivery.
///
/// Acknowledgements gather for a moment, but not the one behind which nothing is left to wait for and before which nothing was
/// written for as long: where little happens the broker is told at once.
struct SettlementLedger: Sendable {
  enum Settlement: Sendable, Equatable {
    case ack
    case nack(requeue: Bool)
    case reject(requeue: Bool)
  }

  /// When what was settled has to be written.
  enum Urgency: Sendable, Equatable { case none, soon, now }

  private var open = OpenTags()
  /// Direct replies of which it is not known whether they took a tag.
  private var replies: UInt64 = 0
  private var refusals: [(tag: UInt64, settlement: Settlement)] = []
  /// What has to be acknowledged, as it was settled.
  private var acks: [UInt64] = []
  /// Everything up to this delivery goes back with one nack.
  private var returnsThrough: UInt64?
  /// Whether the event loop will look after a short wait.
  private var announced = false
  /// How many deliveries the broker lets be out at a time; 0 if that is not known.
  var window = 0
  /// Counts how often the channel was opened. Each delivery has the number of its time.
  private(set) var generation: UInt64 = 0
  /// How many deliveries are not settled yet.
  var unsettled: Int { open.count }
  private var lastWritten = NIODeadline.uptimeNanoseconds(0)

  /// How long settlements wait for their neighbours.
  static let gathering = TimeAmount.milliseconds(1)

  /// Notes a delivery. Tags rise by one; a gap or a repetition is the peer's error.
  ///
  /// But for direct replies (`amq.rabbitmq.reply-to`): up to RabbitMQ 4.1 they have the tag of the next delivery and do not take it,
  /// later they take it. Which of both it was, the next tag tells.
  mutating func delivered(_ tag: UInt64, needsAck: Bool, isReply: Bool = false) throws(WireError) {
    guard tag >= open.next, tag - open.next <= replies else {
      throw .command("delivery tag \(tag) where \(open.next) was due")
    }
    while open.next < tag {
      open.append(isOpen: false)
      replies -= 1
    }
    if isReply {
      replies += 1
    } else {
      open.append(isOpen: needsAck)
      replies = 0
    }
  }

  /// Settles a delivery. Returns how it was taken and when to write.
  mutating func settle(
    _ tag: UInt64, generation: UInt64, _ settlement: Settlement, now: @autoclosure () -> NIODeadline
  ) -> (result: AMQPSettlement, urgency: Urgency) {
    guard generation == self.generation else { return (.stale, .none) }
    guard open.close(tag) else { return (.alreadySettled, .none) }
    if settlement == .ack { acks.append(tag) } else { refusals.append((tag, settlement)) }
    if isUrgent || (unsettled == 0 && isQuiet(now())) { return (.accepted, .now) }
    return (.accepted, announce() ? .soon : .none)
  }

  /// Gives back everything that is unsettled, with one nack for all or with one for each, in order. Returns how many those are.
  mutating func returnAll(together: Bool = true, atMost limit: Int = .max) -> Int {
    var count = 0
    if !together {
      while count < limit, let tag = open.first, open.close(tag) {
        refusals.append((tag, .nack(requeue: true)))
        count += 1
      }
      return count
    }
    count = unsettled
    // The broker looks for exactly this tag, so it must be one that it still holds.
    guard let last = open.last else { return 0 }
    returnsThrough = last
    open.closeAll()
    return count
  }

  /// Whether the broker may run dry: it has handed out half of what it may, and half of that is done. Before that a short
  /// wait gathers more.
  var isUrgent: Bool {
    pending > 0 && pending >= unsettled && (pending + unsettled) * 2 >= window
  }

  /// Whether nothing was written for a while, so that the next settlement need not wait for others.
  func isQuiet(_ now: NIODeadline) -> Bool { now - lastWritten >= Self.gathering }

  /// How many settlements wait to be written.
  var pending: Int { acks.count + refusals.count }

  /// Whether anything waits to be written.
  var hasPending: Bool { !acks.isEmpty || !refusals.isEmpty || returnsThrough != nil }

  /// Notes that the event loop has to look after a short wait. Returns whether that has to be arranged.
  mutating func announce() -> Bool {
    defer { announced = true }
    return !announced
  }

  /// The wait is over.
  mutating func look() { announced = false }

  /// Takes what has to be written, in the order in which to write it.
  mutating func drain(now: NIODeadline, _ write: (Method) -> Void) {
    lastWritten = now
    if !acks.isEmpty { drainAcks(write) }
    for refusal in refusals { Self.write(refusal, write) }
    refusals.removeAll(keepingCapacity: true)
    // Last: it takes along whatever is not settled at the broker by then.
    if let tag = returnsThrough { write(.basicNack(deliveryTag: tag, multiple: true, requeue: true)) }
    returnsThrough = nil
  }

  private mutating func drainAcks(_ write: (Method) -> Void) {
    acks.sort()
    // What goes back is still unsettled at the broker, and an ack for many would take it along.
    let firstOpen = returnsThrough == nil ? open.first ?? .max : 0
    let inPrefix = acks.firstIndex { $0 > firstOpen } ?? acks.count
    if inPrefix > 0 {
      // The broker looks for exactly this tag, so it must be one that it still holds.
      let last = acks[inPrefix - 1]
      // A refusal inside the prefix is still open at the broker: `multiple` would acknowledge it, so refusals go out first.
      if inPrefix > 1, !refusals.isEmpty {
        for refusal in refusals where refusal.tag < last { Self.write(refusal, write) }
        refusals.removeAll { $0.tag < last }
      }
      write(.basicAck(deliveryTag: last, multiple: inPrefix > 1))
    }
    for tag in acks[inPrefix...] { write(.basicAck(deliveryTag: tag, multiple: false)) }
    acks.removeAll(keepingCapacity: true)
  }

  private static func write(_ refusal: (tag: UInt64, settlement: Settlement), _ write: (Method) -> Void) {
    switch refusal.settlement {
    case .ack: break
    case .nack(let requeue): write(.basicNack(deliveryTag: refusal.tag, multiple: false, requeue: requeue))
    case .reject(let requeue): write(.basicReject(deliveryTag: refusal.tag, requeue: requeue))
    }
  }

  /// Starts the next generation of the channel: the broker has taken back everything that was not settled.
  mutating func startGeneration() {
    let next = generation + 1
    let window = window
    self = SettlementLedger()
    generation = next
    self.window = window
  }
}

/// How a settlement was taken.
public enum AMQPSettlement: Sendable, Hashable {
  /// It will be written to the broker within about a millisecond.
  case accepted
  /// The delivery belongs to a connection or channel that is gone: the broker has given the message to another consumer, or will.
  case stale
  /// The delivery was settled before, or needs no settlement.
  case alreadySettled
}
