import Synchronization

/// What became of each message. A message is forgotten once it is confirmed and consumed, so the books stay small.
final class Books: Sendable {
  private struct Entry {
    var isConfirmed = false
    var isConsumed = false
  }

  struct Totals {
    var confirmed = 0
    var consumed = 0
    var repeated = 0
    var tries = 0
  }

  private struct State {
    var next = 0
    var entries: [Int: Entry] = [:]
    var totals = Totals()
  }

  private let state = Mutex(State())

  /// Messages that are not confirmed, or not consumed.
  var open: Int { state.withLock { $0.entries.count } }
  var totals: Totals { state.withLock { $0.totals } }

  /// The number of a new message.
  func begin() -> Int {
    state.withLock { state in
      defer { state.next += 1 }
      state.entries[state.next] = Entry()
      return state.next
    }
  }

  func tried() { state.withLock { $0.totals.tries += 1 } }

  func confirmed(_ id: Int) {
    state.withLock { state in
      guard var entry = state.entries[id], !entry.isConfirmed else { return }
      entry.isConfirmed = true
      state.totals.confirmed += 1
      state.entries[id] = entry.isConsumed ? nil : entry
    }
  }

  func consumed(_ id: Int) {
    state.withLock { state in
      guard var entry = state.entries[id], !entry.isConsumed else { return state.totals.repeated += 1 }
      entry.isConsumed = true
      state.totals.consumed += 1
      state.entries[id] = entry.isConfirmed ? nil : entry
    }
  }

  /// Some of what is missing.
  var missing: [String] {
    state.withLock { state in
      state.entries.prefix(10).map {
        "\($0.key): \($0.value.isConfirmed ? "confirmed" : "not confirmed"), \($0.value.isConsumed ? "consumed" : "not consumed")"
      }
    }
  }
}

/// Calls into the client that have not returned.
final class Calls: Sendable {
  private let count = Atomic(0)
  var waiting: Int { count.load(ordering: .relaxed) }

  func track<R>(_ body: () async throws -> R) async rethrows -> R {
    count.add(1, ordering: .relaxed)
    defer { count.subtract(1, ordering: .relaxed) }
    return try await body()
  }
}

/// Random numbers that a seed repeats.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int, _ part: Int) { state = UInt64(truncatingIfNeeded: seed &* 1_000_003 &+ part) | 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
