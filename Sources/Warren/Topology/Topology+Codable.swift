extension Topology: Codable {
  private enum Key: String, CodingKey, CaseIterable { case exchanges, queues, bindings, leftAlone }

  /// Reads a topology from JSON, such as a file that the command line shows, compares and applies. As in Swift, what follows
  /// from the rest can be left out: dead-letter queues, their exchanges and bindings.
  ///
  /// ```json
  /// {
  ///   "exchanges": [{"name": "tutorgo_events", "kind": "topic"}],
  ///   "queues": [
  ///     {"name": "notification.booking", "deadLetter": {"exchange": "tutorgo_dlx", "key": "notification.booking.dead"}},
  ///     {"name": "email_queue", "timeToLiveSeconds": 3600},
  ///     {"name": "parked", "holdsDeadLetters": true},
  ///     {"name": "legacy", "adopted": true, "deadLetter": {"queue": "parked"}}
  ///   ],
  ///   "bindings": [{"queue": "notification.booking", "exchange": "tutorgo_events", "key": "booking.*"}]
  /// }
  /// ```
  ///
  /// - Throws: `DecodingError`, also for what contradicts itself and for a field that there is not.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(ofKnown: Key.self)
    do {
      self = try Topology(
        exchanges: try container.decodeIfPresent([Exchange].self, forKey: .exchanges) ?? [],
        queues: try container.decodeIfPresent([Queue].self, forKey: .queues) ?? [],
        bindings: try container.decodeIfPresent([Binding].self, forKey: .bindings) ?? [])
    } catch let error as BrokerError {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: error.message, underlyingError: error))
    }
  }

  /// Writes all of it, what follows from the rest included.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(exchanges, forKey: .exchanges)
    try container.encode(queues, forKey: .queues)
    try container.encode(bindings, forKey: .bindings)
    // For the reader: what stands there is not read.
    if !others.isEmpty { try container.encode(others, forKey: .leftAlone) }
  }
}

extension Exchange: Codable {
  private enum Key: String, CodingKey, CaseIterable { case name, kind, adopted }

  /// Reads an exchange; by default a topic exchange.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(ofKnown: Key.self)
    self.init(
      try container.decode(ExchangeName.self, forKey: .name),
      try container.decodeIfPresent(Kind.self, forKey: .kind) ?? .topic,
      isAdopted: try container.decodeIfPresent(Bool.self, forKey: .adopted) ?? false)
  }

  /// Writes an exchange.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(kind, forKey: .kind)
    if isAdopted { try container.encode(true, forKey: .adopted) }
  }
}

extension Queue: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case name, deadLetter, holdsDeadLetters, timeToLiveSeconds, adopted
  }

  /// Reads a queue; without `deadLetter` and `holdsDeadLetters`, what gives up goes to the queue `NAME.dlq`. An adopted queue whose
  /// `deadLetter` is `null` has none.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(ofKnown: Key.self)
    let name = try container.decode(QueueName.self, forKey: .name)
    let target = try container.decodeIfPresent(DeadLetterTarget.self, forKey: .deadLetter)
    let adopted = try container.decodeIfPresent(Bool.self, forKey: .adopted) ?? false
    // `null`: what an adopted queue gives up goes nowhere, as its owner wants it.
    let hasNone = try adopted && container.contains(.deadLetter) && container.decodeNil(forKey: .deadLetter)
    if try container.decodeIfPresent(Bool.self, forKey: .holdsDeadLetters) ?? false {
      if target != nil {
        throw DecodingError.dataCorruptedError(
          forKey: .holdsDeadLetters, in: container,
          debugDescription: "'\(name)' cannot hold dead letters and have a dead-letter queue of its own: leave out one")
      }
      self = .deadLetters(name)
    } else if hasNone {
      self = .deadLetters(name)
    } else {
      self.init(name, deadLetter: target)
    }
    if let seconds = try container.decodeIfPresent(Double.self, forKey: .timeToLiveSeconds) {
      guard seconds >= 0, seconds < 9e9 else {
        throw DecodingError.dataCorruptedError(
          forKey: .timeToLiveSeconds, in: container, debugDescription: "\(seconds) s is no time to live")
      }
      timeToLive = .milliseconds(Int64((seconds * 1000).rounded()))
    }
    isAdopted = adopted
  }

  /// Writes a queue.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    if let deadLetter {
      try container.encode(deadLetter, forKey: .deadLetter)
    } else if isAdopted {
      try container.encodeNil(forKey: .deadLetter)
    } else {
      try container.encode(true, forKey: .holdsDeadLetters)
    }
    try container.encodeIfPresent(timeToLive?.seconds, forKey: .timeToLiveSeconds)
    if isAdopted { try container.encode(true, forKey: .adopted) }
  }
}

extension DeadLetterTarget: Codable {
  private enum Key: String, CodingKey, CaseIterable { case exchange, kind, key, queue }

  /// Reads a target: a queue, or an exchange with a key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(ofKnown: Key.self)
    let queue = try container.decodeIfPresent(QueueName.self, forKey: .queue)
    if let exchange = try container.decodeIfPresent(ExchangeName.self, forKey: .exchange) {
      self = .exchange(
        exchange, kind: try container.decodeIfPresent(Exchange.Kind.self, forKey: .kind) ?? .direct,
        key: try container.decode(RoutingKey.self, forKey: .key), queue: queue)
    } else if let queue {
      if let useless = [Key.kind, .key].first(where: container.contains) {
        throw DecodingError.dataCorruptedError(
          forKey: useless, in: container,
          debugDescription: "'\(useless.stringValue)' is of no use without an exchange: name one, or leave it out")
      }
      self = .queue(queue)
    } else {
      throw DecodingError.keyNotFound(
        Key.queue, .init(codingPath: container.codingPath, debugDescription: "name a queue, or an exchange and a key"))
    }
  }

  /// Writes a target.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    if let exchange {
      try container.encode(exchange.name, forKey: .exchange)
      try container.encode(exchange.kind, forKey: .kind)
      try container.encode(key, forKey: .key)
    }
    try container.encode(queue, forKey: .queue)
  }
}

extension Binding: Codable {
  private enum Key: String, CodingKey, CaseIterable { case queue, exchange, key }

  /// Reads a binding; by default under every key.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(ofKnown: Key.self)
    self.init(
      try container.decode(QueueName.self, forKey: .queue),
      to: try container.decode(ExchangeName.self, forKey: .exchange),
      key: try container.decodeIfPresent(RoutingKey.self, forKey: .key) ?? "#")
  }

  /// Writes a binding.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(queue, forKey: .queue)
    try container.encode(exchange, forKey: .exchange)
    try container.encode(key, forKey: .key)
  }
}
