import CoreMetrics
import NIOCore

/// A channel behind its handle: its machine, and what the event loop keeps for it. It outlives connections.
///
/// Unchecked, because the marked members belong to the connection's event loop.
final class ChannelCore: @unchecked Sendable {
  typealias Machine = ChannelMachine<ConsumerCore>

  /// Rises with each channel of a connection.
  let id: Int
  let options: AMQPChannelOptions
  /// Whether it is the connection's own.
  let isInternal: Bool
  let ledger: SharedLedger
  let mailbox: Mailbox
  private let stale: Counter

  // MARK: For the event loop

  /// Unchecked, as nothing that is called while it changes comes back here, and it changes with each message.
  @exclusivity(unchecked) var machine: Machine
  /// Its number on the connection of now; 0 if it has none.
  var number: UInt16 = 0
  var sample = ConfirmSample()
  var openTimer: Scheduled<Void>?
  /// Why it does not come back yet, as far as that was logged.
  var waitsFor: AMQPError?
  var deadlineTimer: Scheduled<Void>?
  var nextDeadline = NIODeadline.distantFuture
  /// Whether publishes may go out after the next read because of what it brought.
  var wantsPump = false

  init(id: Int, _ options: Machine.Options, _ mailbox: Mailbox, _ stale: Counter) {
    self.id = id
    self.options = options.channel
    isInternal = options.isInternal
    self.mailbox = mailbox
    self.stale = stale
    machine = Machine(options)
    ledger = machine.ledger
  }

  // MARK: For every thread

  /// Settles a delivery, and has it written when it is time.
  func settle(_ tag: UInt64, generation: UInt64, _ settlement: SettlementLedger.Settlement) -> AMQPSettlement {
    let (result, urgency) = ledger.withLock { $0.settle(tag, generation: generation, settlement, now: .now()) }
    if result == .stale { stale.increment() }
    switch urgency {
    case .none: break
    case .soon: mailbox.post { $0.settleSoon = true }
    case .now: mailbox.post { $0.settleNow.append(self) }
    }
    return result
  }

  /// The consuming task is about to wait.
  func settleAtOnce() {
    if ledger.withLock({ $0.isUrgent }) { mailbox.post { $0.settleNow.append(self) } }
  }
}
