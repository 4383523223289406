/// What an engine can do beyond the laws, for those who must choose: pages, commands, `doctor`.
public struct BrokerCapabilities: Sendable, Equatable {
  /// The engine, with its version: `SQLite 3.40.1`, `RabbitMQ 4.0.5`.
  public var engine: String
  /// Whether a message whose caller chose its id is kept out while, or shortly after, the queue has one with that id.
  public var keepsRepeatsOut: Bool
  /// Whether ``Message/priority`` orders the messages of a queue.
  public var ordersByPriority: Bool
  /// Whether single waiting and delayed messages can be shown, searched and cancelled.
  public var showsWaitingMessages: Bool
  /// The largest body, in bytes.
  public var largestBody: Int

  /// Capabilities.
  public init(
    engine: String, keepsRepeatsOut: Bool, ordersByPriority: Bool, showsWaitingMessages: Bool, largestBody: Int
  ) {
    self.engine = engine
    self.keepsRepeatsOut = keepsRepeatsOut
    self.ordersByPriority = ordersByPriority
    self.showsWaitingMessages = showsWaitingMessages
    self.largestBody = largestBody
  }
}
