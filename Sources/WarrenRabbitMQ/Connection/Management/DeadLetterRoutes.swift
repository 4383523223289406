internal import Warren

/// Follows dead letters through exchanges, also from one exchange to another, to the queues that they end in.
struct DeadLetterRoutes {
  private let exchanges: [String: ManagementAPI.ExchangeInfo]
  private let bindings: [String: [ManagementAPI.BindingInfo]]
  /// Of direct exchanges the bindings by their key as well: a system may have thousands.
  private let direct: [String: [String: [ManagementAPI.BindingInfo]]]
  /// Whether both lists were told; otherwise nothing is known to be missing.
  private let isComplete: Bool

  init(exchanges: [ManagementAPI.ExchangeInfo]?, bindings: [ManagementAPI.BindingInfo]?) {
    let byName = Dictionary((exchanges ?? []).map { ($0.name, $0) }) { first, _ in first }
    let bySource = Dictionary(grouping: bindings ?? [], by: \.source)
    self.exchanges = byName
    self.bindings = bySource
    direct = bySource.filter { byName[$0.key]?.type == "direct" }.mapValues {
      Dictionary(grouping: $0, by: \.routingKey)
    }
    isComplete = exchanges != nil && bindings != nil
  }

  /// Tells of each queue where its dead letters go, and which queues hold some, or may.
  ///
  /// - A queue **holds dead letters** when Warren declared it for that: no other program declares one with these arguments.
  /// - It **may hold dead letters** when it has no dead-letter exchange itself and either the dead letters of another queue go to it,
  ///   or its name ends in `.dlq`. It may as well be worked on: what a queue without consumers gives up are messages whose delay is
  ///   over, and nothing tells the one from the other for certain.
  /// - Neither is a queue that dead-letters further, which is a stage on the way; one into which another's messages fall when the time
  ///   of that queue is over and nothing consumes it, since they are delayed there; a stream, from which nothing is taken; or a queue
  ///   of Warren's own.
  func resolve(_ queues: inout [ManagementAPI.QueueInfo]) {
    let places = Dictionary(queues.indices.map { (queues[$0].name, $0) }) { first, _ in first }
    for index in queues.indices where queues[index].name.hasSuffix(".dlq") { mark(&queues[index]) }
    for index in queues.indices {
      let queue = queues[index]
      guard let exchange = queue.deadLetterExchange, !SystemNames.isInternal(queue.name) else { continue }
      let key = queue.setting("dead-letter-routing-key")
      let targets = exchange.isEmpty ? Set(key.map { [$0] } ?? []) : self.targets(of: exchange, key)
      queues[index].deadLetterQueues = targets.filter { places[$0] != nil }.sorted()
      queues[index].lostDeadLetters = loss(exchange, key, isEmpty: queues[index].deadLetterQueues.isEmpty)
      for name in queues[index].deadLetterQueues {
        // What expires in a queue without a consumer is delayed there, and goes on to be worked on.
        if queue.setting("message-ttl") != nil, !queue.isOwnWork, queue.consumerCount == 0 { continue }
        if let place = places[name] { mark(&queues[place]) }
      }
    }
  }

  private func mark(_ queue: inout ManagementAPI.QueueInfo) {
    if queue.kind == "stream" || queue.deadLetterExchange != nil || SystemNames.isInternal(queue.name) { return }
    queue.holdsDeadLetters = queue.isOwnHolder
    queue.mayHoldDeadLetters = !queue.isOwnHolder
  }

  /// The queues that an exchange may bring a message to; without a key it may be any.
  private func targets(of exchange: String, _ key: String?) -> Set<String> {
    var found: Set<String> = []
    var seen: Set<String> = []
    var left = [exchange]
    while let exchange = left.popLast() {
      if !seen.insert(exchange).inserted { continue }
      for binding in taking(exchange, key) {
        if binding.isToQueue { found.insert(binding.destination) } else { left.append(binding.destination) }
      }
    }
    return found
  }

  /// The bindings of an exchange that may take the key.
  private func taking(_ exchange: String, _ key: String?) -> [ManagementAPI.BindingInfo] {
    guard let key else { return bindings[exchange] ?? [] }
    switch exchanges[exchange]?.type {
    case "direct"?: return direct[exchange]?[key] ?? []
    case "topic"?:
      return (bindings[exchange] ?? []).filter {
        RoutingPattern(RoutingKey($0.routingKey)).matches(RoutingKey(key))
      }
    default: return bindings[exchange] ?? []
    }
  }

  private func loss(_ exchange: String, _ key: String?, isEmpty: Bool) -> String? {
    if !isEmpty || !isComplete { return nil }
    if exchange.isEmpty { return key.map { "there is no queue '\($0)'" } }
    guard let info = exchanges[exchange] else { return "there is no exchange '\(exchange)'" }
    // An alternate exchange, or a kind of which the keys mean something else, takes perhaps what looks lost.
    if info.mayHaveAlternate { return nil }
    if (bindings[exchange] ?? []).isEmpty { return "nothing is bound to the exchange '\(exchange)'" }
    guard let key, taking(exchange, key).isEmpty else { return nil }
    return "no binding of the exchange '\(exchange)' takes the key '\(key)'"
  }
}
