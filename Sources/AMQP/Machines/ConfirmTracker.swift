import DequeModule

/// Which publish waits for which confirm number.
///
/// A ring indexed by number minus base: confirms come out of order and in ranges, and each costs constant time. A number is
/// used once in a channel's generation, so a late confirm can never be taken for that of another publish.
///
/// A waiter is let go the moment its number is resolved, whatever is missing before it. Where the ring comes to hold mostly
/// resolved numbers, because an old one stays open, the open ones move to a list beside it, so that neither memory nor the
/// cost of a step grows with what was confirmed since.
struct ConfirmTracker<Waiter> {
  private struct Slot {
    /// `nil` once the number is resolved, or was given up.
    var waiter: Waiter?
    let bytes: Int
  }

  /// What was sent last.
  private var ring: Deque<Slot> = []
  /// The number of the ring's first slot.
  private var base: UInt64 = 1
  /// Open numbers from before the ring, in order. Those that were resolved meanwhile stay for a while without a waiter.
  private var stragglers: [(number: UInt64, slot: Slot)] = []
  /// How many of those are open.
  private var openStragglers = 0
  /// How many of the ring's slots are open.
  private var openInRing = 0

  /// Publishes that are neither confirmed nor refused, nor given up.
  var outstanding: Int { openStragglers + openInRing }
  /// Their size in bytes.
  private(set) var outstandingBytes = 0
  /// How many numbers are kept.
  var kept: Int { ring.count + stragglers.count }

  /// The number that the next publish gets.
  var next: UInt64 { base + UInt64(ring.count) }

  /// Whether a message of this size may go out. One may exceed the limit of bytes when nothing else is out.
  func hasRoom(for bytes: Int, _ options: AMQPChannelOptions) -> Bool {
    outstanding == 0
      || (outstanding < options.maxOutstanding && outstandingBytes + bytes <= options.maxOutstandingBytes)
  }

  /// Takes the next number.
  @discardableResult
  mutating func append(_ waiter: Waiter, bytes: Int) -> UInt64 {
    if ring.count >= Self.tidyAbove, ring.count >= openInRing * 4 { tidy() }
    let number = next
    ring.append(Slot(waiter: waiter, bytes: bytes))
    openInRing += 1
    outstandingBytes += bytes
    return number
  }

  /// Settles one number, or with `multiple` every number up to it (all of them for 0), and hands each waiter to `body`.
  ///
  /// Numbers that were settled or given up before are passed over. A number that was never given out is the peer's error.
  mutating func resolve(_ number: UInt64, multiple: Bool, _ body: (UInt64, Waiter) -> Void) throws(WireError) {
    guard number < next, number > 0 || multiple else {
      throw .command("a confirm for publish \(number), but only \(next - 1) were sent")
    }
    if multiple {
      let last = number == 0 ? next - 1 : number
      resolveStragglers(upTo: last, body)
      while base <= last, let slot = ring.popFirst() {
        base += 1
        guard let waiter = slot.waiter else { continue }
        openInRing -= 1
        outstandingBytes -= slot.bytes
        body(base - 1, waiter)
      }
    } else if number >= base {
      let index = Int(number - base)
      if let waiter = ring[index].waiter.take() {
        openInRing -= 1
        outstandingBytes -= ring[index].bytes
        body(number, waiter)
      }
    } else if let index = straggler(number), let waiter = stragglers[index].slot.waiter.take() {
      openStragglers -= 1
      outstandingBytes -= stragglers[index].slot.bytes
      body(number, waiter)
      tidyStragglers()
    }
    trim()
  }

  private mutating func trim() {
    while let first = ring.first, first.waiter == nil {
      ring.removeFirst()
      base += 1
    }
  }

  private mutating func tidyStragglers() {
    if openStragglers == 0 { return stragglers = [] }
    guard stragglers.count >= Self.tidyAbove, stragglers.count >= openStragglers * 4 else { return }
    stragglers.removeAll { $0.slot.waiter == nil }
  }

  /// How many numbers may be kept before it is asked how many of them are open.
  private static var tidyAbove: Int { 64 }

  /// Moves what is open out of a ring that holds mostly resolved numbers. Each slot pays for this once.
  private mutating func tidy() {
    for (index, slot) in ring.enumerated() where slot.waiter != nil {
      stragglers.append((base + UInt64(index), slot))
    }
    openStragglers += openInRing
    openInRing = 0
    base += UInt64(ring.count)
    ring.removeAll(keepingCapacity: true)
    if stragglers.count >= openStragglers * 4 { stragglers.removeAll { $0.slot.waiter == nil } }
  }

  private mutating func resolveStragglers(upTo last: UInt64, _ body: (UInt64, Waiter) -> Void) {
    guard let first = stragglers.first, first.number <= last else { return }
    var count = 0
    while count < stragglers.count, stragglers[count].number <= last {
      let (number, slot) = stragglers[count]
      count += 1
      guard let waiter = slot.waiter else { continue }
      openStragglers -= 1
      outstandingBytes -= slot.bytes
      body(number, waiter)
    }
    stragglers.removeFirst(count)
  }

  /// Where a number is among the stragglers.
  private func straggler(_ number: UInt64) -> Int? {
    var low = 0
    var high = stragglers.count
    while low < high {
      let middle = (low + high) / 2
      if stragglers[middle].number < number { low = middle + 1 } else { high = middle }
    }
    return low < stragglers.count && stragglers[low].number == number ? low : nil
  }

  /// The waiter of a number that is not settled yet.
  func waiter(of number: UInt64) -> Waiter? {
    if number >= base { return number < next ? ring[Int(number - base)].waiter : nil }
    return straggler(number).flatMap { stragglers[$0].slot.waiter }
  }

  /// Lets `body` look at every unsettled publish, in the order of sending.
  func forEach(_ body: (UInt64, Waiter) -> Void) {
    for (number, slot) in stragglers {
      if let waiter = slot.waiter { body(number, waiter) }
    }
    for (index, slot) in ring.enumerated() {
      if let waiter = slot.waiter { body(base + UInt64(index), waiter) }
    }
  }

  /// Gives up the unsettled publishes that fulfil `condition`, in the order of sending: nothing waits for them any more, so
  /// they must not keep others from being sent. What the broker says about them later is passed over.
  mutating func giveUp(where condition: (Waiter) -> Bool) -> [(number: UInt64, waiter: Waiter)] {
    var given: [(number: UInt64, waiter: Waiter)] = []
    for index in stragglers.indices {
      guard let waiter = stragglers[index].slot.waiter, condition(waiter) else { continue }
      stragglers[index].slot.waiter = nil
      openStragglers -= 1
      outstandingBytes -= stragglers[index].slot.bytes
      given.append((stragglers[index].number, waiter))
    }
    for index in ring.indices {
      guard let waiter = ring[index].waiter, condition(waiter) else { continue }
      ring[index].waiter = nil
      openInRing -= 1
      outstandingBytes -= ring[index].bytes
      given.append((base + UInt64(index), waiter))
    }
    tidyStragglers()
    trim()
    return given
  }

  /// Ends the generation: gives up all unsettled waiters in order and starts at 1 again.
  mutating func reset() -> [Waiter] {
    let waiters = stragglers.compactMap(\.slot.waiter) + ring.compactMap(\.waiter)
    self = ConfirmTracker()
    return waiters
  }
}
