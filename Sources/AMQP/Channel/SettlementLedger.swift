import DequeModule
import NIOCore

/// What became of the deliveries of a channel, and which acknowledgements have to be written.
///
/// Finished deliveries are acknowledged together: one `multiple` ack for the finished prefix, single ones for what finished
/// past an unfinished delivery. A delivery is settled once; a second time, or one of an earlier generation of the channel, is
/// refused here, because on the wire it would close the channel or acknowledge a stranger.
///
/// Acknowledgements gather for a moment, but not the one behind which nothing is left to wait for and before which nothing was
/// written for as long: where little happens the broker hears of it at once.
struct SettlementLedger: Sendable {
  enum Verdict: Sendable, Equatable {
    case ack
    case nack(requeue: Bool)
    case reject(requeue: Bool)
  }

  /// When what was settled has to be written.
  enum Urgency: Sendable, Equatable { case none, soon, now }

  private enum State: UInt8 { case open, ackWanted, settled }

  private var states: Deque<State> = []
  private var base: UInt64 = 1
  private var refusals: [(tag: UInt64, verdict: Verdict)] = []
  private var acksWanted = 0
  /// Everything up to this delivery goes back with one nack.
  private var returnsThrough: UInt64?
  /// Whether somebody will look after a short wait.
  private var announced = false
  /// How many deliveries the broker lets be out at a time; 0 if that is not known.
  var window = 0
  /// Counts the channel's lives. Deliveries carry it.
  private(set) var generation: UInt64 = 0
  /// Deliveries that nobody settled yet.
  private(set) var unsettled = 0
  private var lastWritten = NIODeadline.uptimeNanoseconds(0)

  /// How long settlements wait for their neighbours.
  static let gathering = TimeAmount.milliseconds(1)

  /// Notes a delivery. Tags rise by one; a gap or a repetition is the peer's error.
  mutating func delivered(_ tag: UInt64, needsAck: Bool) throws(WireError) {
    let next = base + UInt64(states.count)
    guard tag == next else { throw .command("delivery tag \(tag) where \(next) was due") }
    states.append(needsAck ? .open : .settled)
    if needsAck { unsettled += 1 } else { trim() }
  }

  /// Settles a delivery. Returns how it was taken and when to write.
  mutating func settle(
    _ tag: UInt64, generation: UInt64, _ verdict: Verdict, now: @autoclosure () -> NIODeadline
  ) -> (result: AMQPSettlement, urgency: Urgency) {
    guard generation == self.generation else { return (.stale, .none) }
    guard tag >= base, tag - base < UInt64(states.count) else { return (.alreadySettled, .none) }
    let index = Int(tag - base)
    guard states[index] == .open else { return (.alreadySettled, .none) }
    unsettled -= 1
    if verdict == .ack {
      states[index] = .ackWanted
      acksWanted += 1
    } else {
      states[index] = .settled
      refusals.append((tag, verdict))
    }
    if isUrgent || (unsettled == 0 && isQuiet(now())) { return (.accepted, .now) }
    return (.accepted, announce() ? .soon : .none)
  }

  /// Gives back everything that is unsettled, with one nack for all. Returns how many those are.
  mutating func returnAll() -> Int {
    let count = unsettled
    guard count > 0 else { return 0 }
    for index in states.indices where states[index] == .open {
      states[index] = .settled
      // The broker looks for exactly this tag, so it must be one that it still holds.
      returnsThrough = base + UInt64(index)
    }
    unsettled = 0
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
  var pending: Int { acksWanted + refusals.count }

  /// Whether anything waits to be written.
  var hasPending: Bool { acksWanted > 0 || !refusals.isEmpty || returnsThrough != nil }

  /// Sees to it that somebody looks after a short wait. Returns whether that has to be arranged.
  mutating func announce() -> Bool {
    defer { announced = true }
    return !announced
  }

  /// The wait is over.
  mutating func look() { announced = false }

  /// Takes what has to be written, in the order in which to write it.
  mutating func drain(now: NIODeadline, _ write: (Method) -> Void) {
    lastWritten = now
    if acksWanted > 0 { drainAcks(write) }
    for (tag, verdict) in refusals {
      switch verdict {
      case .ack: break
      case .nack(let requeue): write(.basicNack(deliveryTag: tag, multiple: false, requeue: requeue))
      case .reject(let requeue): write(.basicReject(deliveryTag: tag, requeue: requeue))
      }
    }
    refusals.removeAll(keepingCapacity: true)
    // Last: it takes along whatever is not settled at the broker by then.
    if let tag = returnsThrough { write(.basicNack(deliveryTag: tag, multiple: true, requeue: true)) }
    returnsThrough = nil
    trim()
  }

  private mutating func drainAcks(_ write: (Method) -> Void) {
    var lastOfPrefix: UInt64 = 0
    var inPrefix = 0
    var index = 0
    // What goes back is still unsettled at the broker, and an ack for many would take it along.
    while returnsThrough == nil, index < states.count, states[index] != .open {
      if states[index] == .ackWanted {
        states[index] = .settled
        // The broker looks for exactly this tag, so it must be one that it still holds.
        lastOfPrefix = base + UInt64(index)
        inPrefix += 1
      }
      index += 1
    }
    // A refusal inside the prefix is still open at the broker: `multiple` would acknowledge it, so refusals go out first.
    if inPrefix > 0 {
      if inPrefix > 1 {
        for (tag, verdict) in refusals where tag < lastOfPrefix {
          switch verdict {
          case .ack: break
          case .nack(let requeue): write(.basicNack(deliveryTag: tag, multiple: false, requeue: requeue))
          case .reject(let requeue): write(.basicReject(deliveryTag: tag, requeue: requeue))
          }
        }
        refusals.removeAll { $0.tag < lastOfPrefix }
      }
      write(.basicAck(deliveryTag: lastOfPrefix, multiple: inPrefix > 1))
      acksWanted -= inPrefix
    }
    while acksWanted > 0, index < states.count {
      if states[index] == .ackWanted {
        states[index] = .settled
        acksWanted -= 1
        write(.basicAck(deliveryTag: base + UInt64(index), multiple: false))
      }
      index += 1
    }
  }

  private mutating func trim() {
    while let first = states.first, first == .settled {
      states.removeFirst()
      base += 1
    }
  }

  /// Starts the next life of the channel: the broker has taken back everything that was not settled.
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
  /// The delivery belongs to a connection or channel that is gone: the broker has given the message to somebody else, or will.
  case stale
  /// The delivery was settled before, or needs no settlement.
  case alreadySettled
}
