internal import Logging
internal import Synchronization

/// Warns of events that reached no queue: once a key, since there may be a thousand of them in a second.
final class UnroutedKeys: Sendable {
  private struct Key: Hashable {
    var exchange: ExchangeName
    var routingKey: RoutingKey
  }
  /// More keys than this are no longer told apart from those that were warned of.
  private static let limit = 1000
  private let warned = Mutex<Set<Key>>([])
  private let logger: Logger

  init(_ logger: Logger) { self.logger = logger }

  func warn(of name: MessageName?, to exchange: ExchangeName, _ key: RoutingKey) {
    let isNew = warned.withLock { warned in
      warned.count < Self.limit && warned.insert(Key(exchange: exchange, routingKey: key)).inserted
    }
    guard isNew else { return }
    logger.warning(
      "An event reached no queue: no queue is bound to its exchange with this key; said once for each key",
      metadata: ["exchange": "\(exchange)", "routing.key": "\(key)", "message.name": "\(name ?? "")"])
  }
}
