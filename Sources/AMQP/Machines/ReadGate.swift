/// Whether a socket is read.
///
/// Consumers that do not keep up hold reads back: nothing else slows down a broker that wants no acknowledgements. But all
/// that shares the connection waits with them, so reads go on in spite of that while an answer is awaited, and for a moment
/// from time to time, as a broker that is dead would not be noticed otherwise. A gate belongs to one connection and ends with it.
struct ReadGate<Consumer: Hashable> {
  /// How much is read in such a moment.
  static var allowance: Int { 1 << 20 }

  private var holders: Set<Consumer> = []
  private var allowance = 0
  /// Whether the socket is read now.
  private(set) var isReading = true

  /// Whether any consumer holds reads back.
  var isHeld: Bool { !holders.isEmpty }

  /// Whether ``update(isAwaited:)`` has to be asked when something changes.
  var isConcerned: Bool { !holders.isEmpty || !isReading }

  /// A consumer does not keep up.
  mutating func hold(_ consumer: Consumer) { holders.insert(consumer) }

  /// A consumer has taken enough, or is gone.
  mutating func release(_ consumer: Consumer) {
    holders.remove(consumer)
    if holders.isEmpty { allowance = 0 }
  }

  /// Lets reads through for a moment.
  mutating func letThrough() { if isHeld { allowance = Self.allowance } }

  /// Something was read.
  mutating func received(_ bytes: Int) { allowance = max(0, allowance - bytes) }

  /// What to do: whether to start or to stop reading, or `nil` if all stays as it is.
  ///
  /// - parameter isAwaited: Whether an answer of the broker is awaited on the connection.
  mutating func update(isAwaited: Bool) -> Bool? {
    let reads = holders.isEmpty || isAwaited || allowance > 0
    guard reads != isReading else { return nil }
    isReading = reads
    return reads
  }
}
