import Synchronization

/// What other threads have for the event loop. Many leave something, one wake-up fetches it all.
///
/// Unchecked, because ``wake`` is set before anything else knows the mailbox.
final class Mailbox: @unchecked Sendable {
  struct Contents {
    var publishes: [(ChannelCore, PublishTicket)] = []
    /// Channels with settlements to write, at once or soon.
    var settleNow: [ChannelCore] = []
    var settleSoon = false
    /// Consumers for which reading waited.
    var consumersThatTook: [ConsumerCore] = []
    fileprivate var isWoken = false
  }

  /// Has the event loop look into the mailbox.
  var wake: @Sendable () -> Void = {}
  private let contents = Mutex(Contents())

  /// Leaves something.
  func post(_ change: (inout Contents) -> Void) {
    let wasWoken = contents.withLock { contents in
      change(&contents)
      defer { contents.isWoken = true }
      return contents.isWoken
    }
    if !wasWoken { wake() }
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
