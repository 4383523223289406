/// Exchanges, queues and bindings that a connection declares when it opens and every time it comes back.
///
/// A topology is what should be, not a record of what was declared once, so nothing in it can be out of date. Declaring what
/// exists with the same properties changes nothing.
public struct AMQPTopology: Sendable, Hashable {
  /// An exchange.
  public struct Exchange: Sendable, Hashable {
    /// The name of the exchange.
    public var name: String
    /// `direct`, `topic`, `fanout`, `headers` or the kind of a plugin.
    public var type: String
    /// Whether it survives a restart of the broker.
    public var durable: Bool
    /// Whether it goes when its last binding goes.
    public var autoDelete: Bool
    /// Whether only bindings may feed it.
    public var isInternal: Bool
    /// Optional arguments, such as `alternate-exchange`.
    public var arguments: AMQPTable

    /// An exchange; durable by default.
    public init(
      _ name: String, type: String, durable: Bool = true, autoDelete: Bool = false, isInternal: Bool = false,
      arguments: AMQPTable = [:]
    ) {
      self.name = name
      self.type = type
      self.durable = durable
      self.autoDelete = autoDelete
      self.isInternal = isInternal
      self.arguments = arguments
    }
  }

  /// A queue.
  public struct Queue: Sendable, Hashable {
    /// The name of the queue. Names are chosen by the client, also for exclusive queues: then nothing has to be renamed when
    /// the connection comes back.
    public var name: String
    /// Whether it survives a restart of the broker.
    public var durable: Bool
    /// Whether only this connection may use it; it goes with the connection.
    public var exclusive: Bool
    /// Whether it goes when its last consumer goes.
    public var autoDelete: Bool
    /// Optional arguments, such as `x-queue-type`.
    public var arguments: AMQPTable

    /// A queue; durable by default.
    public init(
      _ name: String, durable: Bool = true, exclusive: Bool = false, autoDelete: Bool = false,
      arguments: AMQPTable = [:]
    ) {
      self.name = name
      self.durable = durable
      self.exclusive = exclusive
      self.autoDelete = autoDelete
      self.arguments = arguments
    }
  }

  /// A binding from an exchange to a queue or to another exchange.
  public struct Binding: Sendable, Hashable {
    /// What a binding leads to.
    public enum Destination: Sendable, Hashable {
      /// A queue of this name.
      case queue(String)
      /// An exchange of this name.
      case exchange(String)
    }

    /// The exchange from which messages come.
    public var source: String
    /// Where they go.
    public var destination: Destination
    /// The routing key or pattern.
    public var routingKey: String
    /// Optional arguments, for `headers` exchanges.
    public var arguments: AMQPTable

    /// A binding.
    public init(
      from source: String, to destination: Destination, routingKey: String = "", arguments: AMQPTable = [:]
    ) {
      self.source = source
      self.destination = destination
      self.routingKey = routingKey
      self.arguments = arguments
    }
  }

  /// The exchanges, declared first.
  public var exchanges: [Exchange]
  /// The queues, declared second.
  public var queues: [Queue]
  /// The bindings, declared last: those between exchanges before those to queues.
  public var bindings: [Binding]

  /// A topology; with no arguments it is empty.
  public init(exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []) {
    self.exchanges = exchanges
    self.queues = queues
    self.bindings = bindings
  }

  /// The declarations in the order in which the broker must see them.
  var declarations: [Method] {
    let exchanges = exchanges.map { exchange in
      Method.exchangeDeclare(
        ExchangeDeclare(
          exchange: exchange.name, type: exchange.type, durable: exchange.durable, autoDelete: exchange.autoDelete,
          isInternal: exchange.isInternal, arguments: exchange.arguments))
    }
    let queues = queues.map { queue in
      Method.queueDeclare(
        QueueDeclare(
          queue: queue.name, durable: queue.durable, exclusive: queue.exclusive, autoDelete: queue.autoDelete,
          arguments: queue.arguments))
    }
    var between: [Method] = []
    var toQueues: [Method] = []
    for binding in bindings {
      switch binding.destination {
      case .exchange(let name):
        between.append(
          .exchangeBind(
            ExchangeBinding(
              destination: name, source: binding.source, routingKey: binding.routingKey, arguments: binding.arguments)))
      case .queue(let name):
        toQueues.append(
          .queueBind(
            queue: name, exchange: binding.source, routingKey: binding.routingKey, noWait: false,
            arguments: binding.arguments))
      }
    }
    return exchanges + queues + between + toQueues
  }

  /// Throws unless every declaration can be sent.
  func check(frameMax: Int) throws(AMQPError) {
    for exchange in exchanges { try Limit.check(exchange.name, "name of an exchange") }
    for queue in queues { try Limit.check(queue.name, "name of a queue") }
    for binding in bindings { try Limit.check(binding.routingKey, "routing key of a binding") }
    for declaration in declarations {
      do throws(AMQPError) { try Limit.check(declaration, frameMax: frameMax) } catch {
        throw AMQPError(error.code, "In the topology, \(declaration.subject): \(error.message)")
      }
    }
  }
}

extension Method {
  /// What a declaration is about, for messages.
  var subject: String {
    switch self {
    case .exchangeDeclare(let declare): "the exchange '\(declare.exchange.prefix(80))'"
    case .queueDeclare(let declare): "the queue '\(declare.queue.prefix(80))'"
    case .exchangeBind(let binding):
      "the binding from '\(binding.source.prefix(80))' to the exchange '\(binding.destination.prefix(80))'"
    case .queueBind(let queue, let exchange, _, _, _):
      "the binding from '\(exchange.prefix(80))' to the queue '\(queue.prefix(80))'"
    default: "a declaration"
    }
  }
}
