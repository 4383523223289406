public import Warren

/// What became of a message that a person published.
public struct PublicationView: Sendable, Equatable, Codable {
  /// What can become of it.
  public enum Result: String, Sendable, Codable {
    /// Durable in every queue that it was routed to.
    case stored
    /// The queue has, or lately had, a job with this key.
    case repeated
    /// No queue wanted it, so it was stored nowhere.
    case unroutable
  }
  /// Its id.
  public var id: MessageID
  /// What it is.
  public var name: MessageName
  /// What became of it.
  public var result: Result
}

extension Operations {
  /// Publishes an event; with its name as the routing key by default.
  public func publish(
    _ composition: Composition, to exchange: ExchangeName, key: RoutingKey? = nil, source: String
  ) async throws(BrokerError) -> PublicationView {
    let destination = Publication.Destination.exchange(exchange, key ?? RoutingKey(composition.name.rawValue))
    return try await publish(composition, destination, source)
  }

  /// Enqueues a job.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unroutable`` when there is no such queue.
  public func enqueue(
    _ composition: Composition, to queue: QueueName, source: String
  ) async throws(BrokerError) -> PublicationView {
    let view = try await publish(composition, .queue(queue), source)
    if view.result == .unroutable {
      throw BrokerError(.unroutable, "there is no queue '\(queue)', so nothing was stored")
    }
    return view
  }

  private func publish(
    _ composition: Composition, _ destination: Publication.Destination, _ source: String
  ) async throws(BrokerError) -> PublicationView {
    let message = composition.message(source: source, now: clock.now)
    try message.refuseReservedHeaders()
    var publication = Publication(message, to: destination, notBefore: composition.notBefore)
    publication.unique = composition.unique
    var view = PublicationView(id: message.id ?? "", name: composition.name, result: .stored)
    let queue: QueueName? = if case .queue(let queue) = destination { queue } else { nil }
    let whole = publication
    let results = try await audited(
      queue == nil ? "event.publish" : "job.enqueue", queue: queue, message: message.id, count: 1,
      done: { _ in (1, composition.name.rawValue) }
    ) { () throws(BrokerError) in
      if whole.unique != nil, let operatedKeys { return try await operatedKeys.publish(whole, to: broker) }
      return try await broker.publish([whole])
    }
    if let error = results.first?.error { throw error }
    switch results.first?.kind {
    case .stored?: break
    case .repeated?: view.result = .repeated
    case .unroutable?: view.result = .unroutable
    case .failed?, nil:
      throw BrokerError(.unknownOutcome, "the engine said nothing about the message: publish it again")
    }
    return view
  }
}
