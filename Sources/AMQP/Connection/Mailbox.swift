import Synchronization

/// What other threads have for the event loop. Many leave something, one wake-up fetches it all.
final class Mailbox: Sendable {
  struct Contents {
    var publishes: [(ChannelCore, PublishTicket)] = []
    /// Channels with settlements to write, at once or soon.
    var settleNow: [ChannelCore] = []
    var settleSoon = false
    var consumersThatTook: [ConsumerCore] = []
    fileprivate var isWoken = false
  }

  private let contents = Mutex(Contents())

  /// Leaves something. Returns whether the event loop must be woken.
  func post(_ change: (inout Contents) -> Void) -> Bool {
    contents.withLock { contents in
      change(&contents)
      defer { contents.isWoken = true }
      return !contents.isWoken
    }
  }

  /// Exchanges the contents for `spare`, whose memory is used again.
  func take(_ spare: inout Contents) {
    spare.publishes.removeAll(keepingCapacity: true)
    spare.settleNow.removeAll(keepingCapacity: true)
    spare.consumersThatTook.removeAll(keepingCapacity: true)
    spare.settleSoon = false
    spare.isWoken = false
    contents.withLock { swap(&$0, &spare) }
  }
}
