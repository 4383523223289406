import NIOCore
import Synchronization

/// A channel's ledger of deliveries, for every thread that settles some.
final class SharedLedger: Sendable {
  private let ledger = Mutex(SettlementLedger())
  private let currentGeneration = Atomic<UInt64>(0)

  /// The channel's generation: deliveries of an earlier one mean nothing any more.
  var generation: UInt64 { currentGeneration.load(ordering: .relaxed) }

  func withLock<R>(_ body: (inout SettlementLedger) -> R) -> R { ledger.withLock { body(&$0) } }

  /// Notes a delivery.
  func delivered(_ tag: UInt64, needsAck: Bool, isReply: Bool = false) throws(WireError) {
    let result = ledger.withLock { ledger in
      Result { () throws(WireError) in try ledger.delivered(tag, needsAck: needsAck, isReply: isReply) }
    }
    try result.get()
  }

  /// Begins the next generation: the broker has taken back what was not settled.
  func startGeneration() {
    let generation = ledger.withLock { ledger in
      ledger.startGeneration()
      return ledger.generation
    }
    currentGeneration.store(generation, ordering: .relaxed)
  }
}
