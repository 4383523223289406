import DequeModule

/// Which publish waits for which confirm number.
///
/// A ring indexed by number minus base: confirms come out of order and in ranges, and each costs constant time. A number is
/// used once in the life of a channel's generation, so a late confirm can never meet a stranger.
struct ConfirmTracker<Waiter> {
  struct Slot {
    var waiter: Waiter
    let bytes: Int
    var resolved = false
  }

  private var slots: Deque<Slot> = []
  /// The number of the first slot.
  private var base: UInt64 = 1
  /// Publishes that are neither confirmed nor refused.
  private(set) var outstanding = 0
  /// Their size in bytes.
  private(set) var outstandingBytes = 0

  /// The number that the next publish gets.
  var next: UInt64 { base + UInt64(slots.count) }

  /// Whether a message of this size may go out. One may exceed the limit of bytes when nothing else is out.
  func hasRoom(for bytes: Int, _ options: AMQPChannelOptions) -> Bool {
    outstanding == 0
      || (outstanding < options.maxOutstanding && outstandingBytes + bytes <= options.maxOutstandingBytes)
  }

  /// Takes the next number.
  @discardableResult
  mutating func append(_ waiter: Waiter, bytes: Int) -> UInt64 {
    let number = next
    slots.append(Slot(waiter: waiter, bytes: bytes))
    outstanding += 1
    outstandingBytes += bytes
    return number
  }

  /// Settles one number, or with `multiple` every number up to it (all of them for 0), and hands each waiter to `body`.
  ///
  /// Numbers that were settled before are passed over. A number that was never given out is the peer's error.
  mutating func resolve(_ number: UInt64, multiple: Bool, _ body: (Waiter) -> Void) throws(WireError) {
    guard number < next, number > 0 || multiple else {
      throw .command("a confirm for publish \(number), but only \(next - 1) were sent")
    }
    if multiple {
      let last = number == 0 ? next - 1 : number
      while base <= last, let slot = slots.popFirst() {
        base += 1
        if !slot.resolved { settle(slot, body) }
      }
    } else if number >= base {
      let index = Int(number - base)
      guard !slots[index].resolved else { return }
      slots[index].resolved = true
      settle(slots[index], body)
    }
    while let first = slots.first, first.resolved {
      slots.removeFirst()
      base += 1
    }
  }

  private mutating func settle(_ slot: Slot, _ body: (Waiter) -> Void) {
    outstanding -= 1
    outstandingBytes -= slot.bytes
    body(slot.waiter)
  }

  /// The first unsettled publish that fulfils `condition`, in the order of sending.
  func first(where condition: (Waiter) -> Bool) -> (number: UInt64, waiter: Waiter)? {
    for (index, slot) in slots.enumerated() where !slot.resolved && condition(slot.waiter) {
      return (base + UInt64(index), slot.waiter)
    }
    return nil
  }

  /// The waiter of a number that is not settled yet.
  func waiter(of number: UInt64) -> Waiter? {
    guard number >= base, number < next else { return nil }
    let slot = slots[Int(number - base)]
    return slot.resolved ? nil : slot.waiter
  }

  /// Lets `body` look at, and change, every unsettled waiter.
  mutating func forEach(_ body: (inout Waiter) -> Void) {
    for index in slots.indices where !slots[index].resolved { body(&slots[index].waiter) }
  }

  /// Ends the generation: gives up all unsettled waiters in order and starts at 1 again.
  mutating func reset() -> [Waiter] {
    let waiters = slots.filter { !$0.resolved }.map(\.waiter)
    self = ConfirmTracker()
    return waiters
  }
}
