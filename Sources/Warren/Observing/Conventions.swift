/// The names of OpenTelemetry's conventions for messaging (1.44.0) that Warren uses. A test compares what is recorded with the list
/// of the conventions.
enum Conventions {
  /// Attributes of spans, dimensions of metrics, and metadata of log lines.
  enum Attribute {
    static let system = "messaging.system"
    static let operationName = "messaging.operation.name"
    static let operationType = "messaging.operation.type"
    static let destination = "messaging.destination.name"
    static let messageID = "messaging.message.id"
    static let conversationID = "messaging.message.conversation_id"
    static let batchCount = "messaging.batch.message_count"
    static let routingKey = "messaging.rabbitmq.destination.routing_key"
    static let errorType = "error.type"
    static let event = "event.name"
    static let exceptionType = "exception.type"
    static let exceptionMessage = "exception.message"
  }

  enum Metric {
    static let sent = "messaging.client.sent.messages"
    static let consumed = "messaging.client.consumed.messages"
    static let operationDuration = "messaging.client.operation.duration"
    static let processDuration = "messaging.process.duration"
  }

  /// What is done with messages, by the name that spans begin with.
  enum Operation: String {
    case publish
    case process
    case settle

    /// The type that the conventions know it by.
    var type: String { self == .publish ? "send" : rawValue }
    /// The log event of its errors.
    var exceptionEvent: String { "messaging.\(type).exception" }
  }

  static let rabbitMQ = "rabbitmq"

  /// The value of `messaging.system` for an engine that calls itself so: `RabbitMQ 4.0.5`, `SQLite 3.40.1`.
  static func system(_ engine: String) -> String {
    let name = engine.prefix { $0 != " " }.lowercased()
    return name == rabbitMQ ? name : "warren.\(name)"
  }

  /// The destination as a producer has it: exchange and routing key, without what is empty.
  static func destination(_ exchange: String, _ key: String?) -> String {
    let destination = joined(exchange, key ?? "")
    return destination.isEmpty ? "amq.default" : destination
  }

  /// The destination as a consumer has it: exchange, routing key and queue, without what is empty, and once where key and queue
  /// are the same.
  static func destination(of delivery: Delivery) -> String {
    let (key, queue) = (delivery.routingKey.rawValue, delivery.queue.rawValue)
    return joined(joined(delivery.exchange?.rawValue ?? "", key == queue ? "" : key), queue)
  }

  private static func joined(_ first: String, _ second: String) -> String {
    first.isEmpty ? second : second.isEmpty ? first : first + ":" + second
  }

  /// What kind of error it is: one word of few.
  static func type(of error: any Error) -> String {
    (error as? BrokerError)?.code.rawValue ?? "\(Swift.type(of: error))"
  }

  /// Whether an error that left a handler is one. A handler that says what becomes of its message has decided so.
  static func isFailure(_ error: any Error) -> Bool {
    guard let outcome = error as? Outcome ?? (error as? any OutcomeError)?.outcome else { return true }
    return switch outcome.kind {
    case .retry, .deadLetter: true
    case .complete, .release, .postponeUntil, .postponeFor, .pause: false
    }
  }
}

extension Publication {
  /// The destination as the conventions write it.
  var conventionalDestination: String {
    switch destination {
    case .exchange(let exchange, let key): Conventions.destination(exchange.rawValue, key.rawValue)
    case .queue(let queue): Conventions.destination("", queue.rawValue)
    }
  }
  /// What stands in AMQP's routing key.
  var conventionalRoutingKey: String {
    switch destination {
    case .exchange(_, let key): key.rawValue
    case .queue(let queue): queue.rawValue
    }
  }
}
