/// What the broker says about a queue.
public struct AMQPQueueInfo: Sendable, Hashable {
  /// Its name; the broker's choice if an empty one was declared.
  public var name: String
  /// Messages that are ready.
  public var messageCount: Int
  /// Consumers.
  public var consumerCount: Int
}

// All of these throw `AMQPError`: `channelClosedByServer` with the broker's reply code (403 refused, 404 not found, 405 locked,
// 406 precondition failed) and text, `replyTimeout`, `connectionLost`, `cancelled`, or `invalidArgument` before anything is sent.
extension AMQPChannel {
  /// Declares an exchange: creates it, or checks that it exists as described.
  public func declareExchange(
    _ name: String, type: String, durable: Bool = true, autoDelete: Bool = false, isInternal: Bool = false,
    arguments: AMQPTable = [:]
  ) async throws(AMQPError) {
    try Limit.check(name, "name of the exchange")
    try Limit.check(type, "type of the exchange")
    try await request(
      .exchangeDeclare(
        ExchangeDeclare(
          exchange: name, type: type, durable: durable, autoDelete: autoDelete, isInternal: isInternal,
          arguments: arguments)))
  }

  /// Checks that an exchange exists; 404 if not.
  public func checkExchange(_ name: String) async throws(AMQPError) {
    try Limit.check(name, "name of the exchange")
    try await request(.exchangeDeclare(ExchangeDeclare(exchange: name, type: "", passive: true)))
  }

  /// Deletes an exchange. Deleting one that does not exist is no error.
  public func deleteExchange(_ name: String, ifUnused: Bool = false) async throws(AMQPError) {
    try Limit.check(name, "name of the exchange")
    try await request(.exchangeDelete(exchange: name, ifUnused: ifUnused, noWait: false))
  }

  /// Binds an exchange to another: messages go from `source` to `destination`.
  public func bindExchange(
    _ destination: String, to source: String, routingKey: String = "", arguments: AMQPTable = [:]
  ) async throws(AMQPError) {
    try await request(.exchangeBind(try binding(destination, source, routingKey, arguments)))
  }

  /// Undoes ``bindExchange(_:to:routingKey:arguments:)``.
  public func unbindExchange(
    _ destination: String, from source: String, routingKey: String = "", arguments: AMQPTable = [:]
  ) async throws(AMQPError) {
    try await request(.exchangeUnbind(try binding(destination, source, routingKey, arguments)))
  }

  private func binding(
    _ destination: String, _ source: String, _ routingKey: String, _ arguments: AMQPTable
  ) throws(AMQPError) -> ExchangeBinding {
    try Limit.check(destination, "name of the exchange")
    try Limit.check(source, "name of the exchange")
    try Limit.check(routingKey, "routing key")
    return ExchangeBinding(destination: destination, source: source, routingKey: routingKey, arguments: arguments)
  }

  /// Declares a queue: creates it, or checks that it exists as described. An empty name lets the broker choose one; such a
  /// queue does not come back with the connection, so prefer a random name of your own in the ``AMQPTopology``.
  @discardableResult
  public func declareQueue(
    _ name: String, durable: Bool = true, exclusive: Bool = false, autoDelete: Bool = false, arguments: AMQPTable = [:]
  ) async throws(AMQPError) -> AMQPQueueInfo {
    try await declare(
      QueueDeclare(
        queue: name, durable: durable, exclusive: exclusive, autoDelete: autoDelete, arguments: arguments))
  }

  /// Looks at a queue without creating it; 404 if it does not exist.
  public func queueInfo(_ name: String) async throws(AMQPError) -> AMQPQueueInfo {
    try await declare(QueueDeclare(queue: name, passive: true))
  }

  private func declare(_ declare: QueueDeclare) async throws(AMQPError) -> AMQPQueueInfo {
    try Limit.check(declare.queue, "name of the queue")
    guard case .queueDeclareOk(let name, let messages, let consumers) = try await request(.queueDeclare(declare)) else {
      throw AMQPError(.protocolViolation, "The broker's answer was of another kind.")
    }
    return AMQPQueueInfo(name: name, messageCount: Int(messages), consumerCount: Int(consumers))
  }

  /// Binds a queue to an exchange.
  public func bindQueue(
    _ queue: String, to exchange: String, routingKey: String = "", arguments: AMQPTable = [:]
  ) async throws(AMQPError) {
    try check(queue, exchange, routingKey)
    try await request(
      .queueBind(queue: queue, exchange: exchange, routingKey: routingKey, noWait: false, arguments: arguments))
  }

  /// Undoes ``bindQueue(_:to:routingKey:arguments:)``.
  public func unbindQueue(
    _ queue: String, from exchange: String, routingKey: String = "", arguments: AMQPTable = [:]
  ) async throws(AMQPError) {
    try check(queue, exchange, routingKey)
    try await request(.queueUnbind(queue: queue, exchange: exchange, routingKey: routingKey, arguments: arguments))
  }

  private func check(_ queue: String, _ exchange: String, _ routingKey: String) throws(AMQPError) {
    try Limit.check(queue, "name of the queue")
    try Limit.check(exchange, "name of the exchange")
    try Limit.check(routingKey, "routing key")
  }

  /// Removes the ready messages of a queue. Returns how many.
  @discardableResult
  public func purgeQueue(_ name: String) async throws(AMQPError) -> Int {
    try Limit.check(name, "name of the queue")
    guard case .queuePurgeOk(let count) = try await request(.queuePurge(queue: name, noWait: false)) else { return 0 }
    return Int(count)
  }

  /// Deletes a queue with its messages. Returns how many. Deleting one that does not exist is no error.
  @discardableResult
  public func deleteQueue(
    _ name: String, ifUnused: Bool = false, ifEmpty: Bool = false
  ) async throws(AMQPError) -> Int {
    try Limit.check(name, "name of the queue")
    let method = Method.queueDelete(queue: name, ifUnused: ifUnused, ifEmpty: ifEmpty, noWait: false)
    guard case .queueDeleteOk(let count) = try await request(method) else { return 0 }
    return Int(count)
  }

  /// Declares a whole topology, in the right order. To have it declared again whenever the connection comes back, put it into
  /// the connection's configuration instead.
  public func declare(_ topology: AMQPTopology) async throws(AMQPError) {
    try topology.check(frameMax: connection.configuration.frameMax)
    for declaration in topology.declarations { try await request(declaration) }
  }

  @discardableResult
  private func request(_ method: Method) async throws(AMQPError) -> Method {
    try await connection.request(core, method).method
  }
}
