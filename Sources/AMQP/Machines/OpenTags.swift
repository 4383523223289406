import DequeModule

/// The delivery tags of a channel that are not settled.
///
/// The newest are a ring of flags. Where most of it comes to be settled, because an old delivery stays open, the open tags move
/// to a sorted list: neither memory nor the cost of a step grows with the deliveries since. Each tag moves once at most.
struct OpenTags: Sendable {
  private var ring: Deque<Bool> = []
  /// The tag of the ring's first flag.
  private var base: UInt64 = 1
  private var openInRing = 0
  /// Open tags from before the ring, in order.
  private var old: [UInt64] = []

  /// How many tags are open.
  var count: Int { old.count + openInRing }
  /// The tag that is due next.
  var next: UInt64 { base + UInt64(ring.count) }
  /// The oldest open tag.
  var first: UInt64? { old.first ?? (openInRing > 0 ? base : nil) }
  /// The newest open tag.
  var last: UInt64? {
    openInRing > 0 ? ring.lastIndex(of: true).map { base + UInt64($0) } : old.last
  }

  /// Adds the next tag.
  mutating func append(isOpen: Bool) {
    if ring.count >= 256, ring.count >= openInRing * 4 { tidy() }
    guard isOpen || !ring.isEmpty else {
      base += 1
      return
    }
    ring.append(isOpen)
    if isOpen { openInRing += 1 }
  }

  /// Closes a tag. Returns whether it was open.
  mutating func close(_ tag: UInt64) -> Bool {
    guard tag >= base else { return closeOld(tag) }
    guard tag < next, ring[Int(tag - base)] else { return false }
    ring[Int(tag - base)] = false
    openInRing -= 1
    while let first = ring.first, !first {
      ring.removeFirst()
      base += 1
    }
    return true
  }

  /// Closes all tags.
  mutating func closeAll() {
    base = next
    ring.removeAll(keepingCapacity: true)
    openInRing = 0
    old = []
  }

  private mutating func closeOld(_ tag: UInt64) -> Bool {
    var low = 0
    var high = old.count
    while low < high {
      let middle = (low + high) / 2
      if old[middle] < tag { low = middle + 1 } else { high = middle }
    }
    guard low < old.count, old[low] == tag else { return false }
    old.remove(at: low)
    return true
  }

  private mutating func tidy() {
    for (index, isOpen) in ring.enumerated() where isOpen { old.append(base + UInt64(index)) }
    base = next
    ring.removeAll(keepingCapacity: true)
    openInRing = 0
  }
}
