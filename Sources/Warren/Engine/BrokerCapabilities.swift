/// What an engine can do beyond the laws, for those who must choose: pages, commands, `doctor`.
public struct BrokerCapabilities: Sendable, Equatable {
  /// The engine, with its version: `SQLite 3.40.1`, `RabbitMQ 4.0.5`.
  public var engine: String
  /// What the engine can do with repeats of a unique job (``Publication/unique``); empty when it cannot tell a repeat.
  public var uniqueness: Set<Uniqueness.Repeat.Kind>
  /// Whether a batch is stored as one: in its order, and when one message has to be published again later, so have all. Where
  /// it is not, messages that must stay in order are published one after the other.
  public var storesBatchesAsOne: Bool
  /// Whether ``Message/priority`` orders the messages of a queue.
  public var ordersByPriority: Bool
  /// Whether single waiting and delayed messages can be shown and searched.
  public var showsWaitingMessages: Bool
  /// The largest body, in bytes.
  public var largestBody: Int

  /// Capabilities.
  public init(
    engine: String, uniqueness: Set<Uniqueness.Repeat.Kind> = [], storesBatchesAsOne: Bool = false,
    ordersByPriority: Bool,
    showsWaitingMessages: Bool, largestBody: Int
  ) {
    self.engine = engine
    self.uniqueness = uniqueness
    self.storesBatchesAsOne = storesBatchesAsOne
    self.ordersByPriority = ordersByPriority
    self.showsWaitingMessages = showsWaitingMessages
    self.largestBody = largestBody
  }
}
