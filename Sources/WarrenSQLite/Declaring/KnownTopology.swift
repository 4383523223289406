internal import GRDB
internal import Warren

/// A queue as the file has it.
final class KnownQueue: Sendable {
  let id: Int64
  let queue: Queue
  let isPaused: Bool
  /// In milliseconds; `nil` also where there is nowhere to park what waited longer.
  let timeToLive: Int64?

  init(id: Int64, queue: Queue, isPaused: Bool) {
    self.id = id
    self.queue = queue
    self.isPaused = isPaused
    timeToLive = queue.deadLetter == nil ? nil : queue.timeToLive?.wholeMilliseconds
  }

  var name: QueueName { queue.name }
  /// Whether it holds dead letters, so that what gives up here stays here.
  var isLast: Bool { queue.deadLetter == nil }
}

/// The topology as the file holds it, in memory, with the routes that were asked for lately.
struct KnownTopology {
  private struct KnownExchange {
    var id: Int64
    var exchange: Exchange
    var bindings: [(binding: Binding, pattern: RoutingPattern, queue: KnownQueue)] = []
  }
  private struct Route: Hashable {
    var exchange: ExchangeName
    var key: RoutingKey
  }
  /// Keys may contain ids, so the routes that are remembered have a bound.
  private static let routesKept = 4096

  private(set) var queues: [QueueName: KnownQueue] = [:]
  private var queuesByID: [Int64: KnownQueue] = [:]
  private var exchanges: [ExchangeName: KnownExchange] = [:]
  private var exchangeNames: [Int64: ExchangeName] = [:]
  private var routes: [Route: [KnownQueue]] = [:]

  /// Nothing.
  init() {}

  init(_ database: Database) throws {
    for row in try Row.fetchAll(database, sql: "SELECT * FROM queue") {
      let known = KnownQueue(id: row.int("id"), queue: Queue(row), isPaused: row.int("is_paused") != 0)
      queues[known.name] = known
      queuesByID[known.id] = known
    }
    for row in try Row.fetchAll(database, sql: "SELECT * FROM exchange") {
      let id = row.int("id")
      let kind = Exchange.Kind(rawValue: row.text("kind")) ?? .topic
      let exchange = Exchange(ExchangeName(row.text("name")), kind)
      exchanges[exchange.name] = KnownExchange(id: id, exchange: exchange)
      exchangeNames[id] = exchange.name
    }
    for row in try Row.fetchAll(database, sql: "SELECT * FROM binding") {
      guard let exchange = exchangeNames[row.int("exchange")], let queue = queuesByID[row.int("queue")] else {
        continue
      }
      let binding = Binding(queue.name, to: exchange, key: RoutingKey(row.text("key")))
      exchanges[exchange]?.bindings.append((binding, RoutingPattern(binding.key), queue))
    }
  }

  /// A queue by its number.
  subscript(id: Int64) -> KnownQueue? { queuesByID[id] }

  func exchangeName(_ id: Int64?) -> ExchangeName? { id.flatMap { exchangeNames[$0] } }

  func exchangeID(_ name: ExchangeName?) -> Int64? { name.flatMap { exchanges[$0]?.id } }

  /// The queues that an exchange chooses, each once; `nil` when there is no such exchange.
  mutating func route(_ exchange: ExchangeName, _ key: RoutingKey) -> [KnownQueue]? {
    let route = Route(exchange: exchange, key: key)
    if let known = routes[route] { return known }
    guard let stored = exchanges[exchange] else { return nil }
    var chosen: [KnownQueue] = []
    for (binding, pattern, queue) in stored.bindings where !chosen.contains(where: { $0 === queue }) {
      let fits =
        switch stored.exchange.kind {
        case .topic: pattern.matches(key)
        case .fanout: true
        case .direct: binding.key == key
        case .other: false
        }
      if fits { chosen.append(queue) }
    }
    if routes.count >= Self.routesKept { routes.removeAll(keepingCapacity: true) }
    routes[route] = chosen
    return chosen
  }

  /// All that is there.
  func topology() -> Topology {
    Topology(
      asDeclared: exchanges.values.map(\.exchange).sorted { $0.name < $1.name },
      queues.values.map(\.queue).sorted { $0.name < $1.name },
      exchanges.values.flatMap { $0.bindings.map(\.binding) }.sorted {
        ($0.exchange, $0.key, $0.queue) < ($1.exchange, $1.key, $1.queue)
      })
  }

  /// What of `wanted` differs from what is there, and what is missing.
  func compare(with wanted: Topology) -> Comparison {
    var comparison = Comparison()
    for exchange in wanted.exchanges {
      if let stored = exchanges[exchange.name] {
        comparison.conflicts += stored.exchange.differences(from: exchange)
      } else {
        comparison.exchanges.append(exchange)
      }
    }
    for queue in wanted.queues {
      if let stored = queues[queue.name] {
        comparison.conflicts += stored.queue.differences(from: queue)
      } else {
        comparison.queues.append(queue)
      }
    }
    for binding in wanted.bindings {
      let known = exchanges[binding.exchange]?.bindings.contains { $0.binding == binding } ?? false
      if !known { comparison.bindings.append(binding) }
    }
    return comparison
  }

  /// How a topology that is asked for stands to what is there.
  struct Comparison {
    var conflicts: [TopologyDifference] = []
    /// Missing.
    var exchanges: [Exchange] = []
    /// Missing.
    var queues: [Queue] = []
    /// Missing.
    var bindings: [Binding] = []

    var isEmpty: Bool { exchanges.isEmpty && queues.isEmpty && bindings.isEmpty }

    /// What is missing, as differences.
    var missing: [TopologyDifference] {
      exchanges.map { exchange in
        let subject = "exchange '\(exchange.name)'"
        return exchange.isAdopted ? .missingAdopted(subject) : .missing(subject, wanted: exchange.kind.rawValue)
      }
        + queues.map { queue in
          let subject = "queue '\(queue.name)'"
          return queue.isAdopted ? .missingAdopted(subject) : .missing(subject)
        } + bindings.map { .missing("binding of '\($0.queue)' to '\($0.exchange)' by '\($0.key)'") }
    }
  }
}

extension Queue {
  /// A queue as a row of the table `queue` has it.
  fileprivate init(_ row: Row) {
    let name = QueueName(row.text("name"))
    self = .deadLetters(name)
    if let queue = row.optionalText("dead_queue"), let key = row.optionalText("dead_key") {
      if let exchange = row.optionalText("dead_exchange") {
        let kind = Exchange.Kind(rawValue: row.text("dead_exchange_kind")) ?? .direct
        deadLetter = .exchange(
          ExchangeName(exchange), kind: kind, key: RoutingKey(key), queue: QueueName(queue))
      } else {
        deadLetter = .queue(QueueName(queue))
      }
    }
    if let seconds = row.optionalInt("time_to_live_seconds") {
      timeToLive = Duration(
        secondsComponent: seconds, attosecondsComponent: row.int("time_to_live_attoseconds"))
    }
  }

  /// The values of a row of the table `queue`, from `name` on.
  var arguments: StatementArguments {
    [
      name.rawValue, deadLetter?.exchange?.name.rawValue, deadLetter?.exchange?.kind.rawValue,
      deadLetter?.key.rawValue, deadLetter?.queue.rawValue, timeToLive?.components.seconds,
      timeToLive?.components.attoseconds,
    ]
  }
}
