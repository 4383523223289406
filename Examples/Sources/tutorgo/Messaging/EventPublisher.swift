public import Warren

/// Publishes events for a service that has no data of its own to save with them. One that has uses an outbox with the same
/// `MessagingSettings.composer`.
///
/// An event is persistent, and `publish` returns when the broker has confirmed it; how many wait for that is bounded.
public struct EventPublisher: Sendable {
  private let bus: EventBus

  /// A publisher for a service of this name.
  public init(_ connection: MessagingConnection, source: String) {
    self.init(connection.broker, settings: connection.settings, source: source)
  }

  init(_ broker: any Broker, settings: MessagingSettings, source: String) {
    bus = EventBus(broker, settings.composer(source: source, clock: broker.clock))
  }

  /// Publishes an event.
  ///
  /// - Parameters:
  ///   - exchange: instead of the one of the settings; it must have been declared.
  ///   - priority, timeToLive: instead of the type's own.
  ///   - trace: whose request it is.
  @discardableResult
  public func publish<E: EventMessage>(
    _ event: E, on exchange: Exchange? = nil, priority: Priority? = nil, timeToLive: Duration? = nil,
    trace: RequestTrace = RequestTrace()
  ) async throws -> Receipt {
    var bus = bus
    if let exchange { bus = bus.on(exchange) }
    let publication = try bus.publication(of: event, priority: priority, timeToLive: timeToLive)
    let receipts = try await bus.publish([trace.marked(publication)])
    if let error = receipts[0].result.error { throw error }
    return receipts[0]
  }
}
