internal import Foundation
internal import Warren

// What the management API tells. What it leaves out, as versions do differently, is `nil`.
extension ManagementAPI {
  struct QueueInfo: Decodable, Sendable {
    let name: String
    private let type: String?
    private let durable: Bool?
    private let exclusive: Bool?
    private let autoDelete: Bool?
    let arguments: [String: Scalar]?
    private let effectivePolicyDefinition: Settings?
    private let messagesReady: Int?
    private let messagesUnacknowledged: Int?
    private let messagesDlx: Int?
    private let consumers: Int?
    /// The nodes that a quorum queue lives on.
    let members: [String]?
    /// Those of them that are up.
    let online: [String]?
    /// The one that leads it.
    let leader: String?
    private let messageStats: MessageStats?

    /// Where its dead letters lie: found out by ``Swift/Array/resolveDeadLetters(exchanges:bindings:)``.
    var deadLetterQueues: [String] = []
    /// Whether another queue's dead letters lie in it, as far as can be told.
    var holdsDeadLetters = false

    private enum CodingKeys: String, CodingKey {
      case name, type, durable, exclusive, autoDelete, arguments, effectivePolicyDefinition
      case messagesReady, messagesUnacknowledged, messagesDlx, consumers, members, online, leader, messageStats
    }

    var kind: String { type ?? arguments?["x-queue-type"]?.text ?? "classic" }
    var isDurable: Bool { durable ?? true }
    /// Whether it goes with its connection or its last consumer.
    var isPassing: Bool { exclusive == true || autoDelete == true }
    var ready: Int { messagesReady ?? 0 }
    var unacknowledged: Int { messagesUnacknowledged ?? 0 }
    /// Those whose time is over and that have not gone on to the queue for dead letters yet.
    var overdue: Int { messagesDlx ?? 0 }
    var consumerCount: Int { consumers ?? 0 }

    /// Whether a quorum queue has lost the majority of its nodes. Then a question about it by AMQP has no answer.
    var isHalted: Bool { (online?.count ?? 1) * 2 <= members?.count ?? 0 }

    /// What the policies say, that of operators included.
    func policy(_ name: String) -> String? { effectivePolicyDefinition?.values[name]?.text }

    /// Whether Warren declared it to hold dead letters.
    var isOwnHolder: Bool {
      kind == "quorum" && arguments?["x-delivery-limit"]?.text == "1000000"
        && arguments?["x-dead-letter-exchange"] == nil
        && arguments?["x-overflow"]?.text == "reject-publish" && !SystemNames.isInternal(name)
    }
    /// Whether Warren declared it to work on.
    var isOwnWork: Bool {
      arguments?["x-dead-letter-strategy"]?.text == "at-least-once"
        && arguments?["x-overflow"]?.text == "reject-publish"
    }

    /// Its argument, or what a policy says in its place: arguments go first.
    func setting(_ name: String) -> String? {
      arguments?["x-" + name]?.text ?? effectivePolicyDefinition?.values[name]?.text
    }
    var deadLetterExchange: String? { setting("dead-letter-exchange") }

    /// Milliseconds that a delivery may be held by its own account: of argument and policy the lower counts.
    var consumerTimeout: (milliseconds: Int, source: String)? {
      let own = arguments?["x-consumer-timeout"]?.text.flatMap { Int($0) }
      let policy = effectivePolicyDefinition?.values["consumer-timeout"]?.text.flatMap { Int($0) }
      if let own, own <= policy ?? .max { return (own, "the queue's argument x-consumer-timeout") }
      return policy.map { ($0, "a policy (consumer-timeout)") }
    }

    var rates: QueueStatus.Rates {
      func rate(_ details: MessageStats.Details?) -> Double { details?.rate ?? 0 }
      return QueueStatus.Rates(
        published: rate(messageStats?.publishDetails), delivered: rate(messageStats?.deliverGetDetails),
        settled: rate(messageStats?.ackDetails))
    }
  }

  struct MessageStats: Decodable, Sendable {
    struct Details: Decodable, Sendable { let rate: Double? }
    let publishDetails: Details?
    let deliverGetDetails: Details?
    let ackDetails: Details?
  }

  /// A list of what comes and goes. What is going is told with parts that are missing, or as an empty list, and is left out.
  struct Passing<Element: Decodable>: Decodable {
    private struct Anything: Decodable {}
    private(set) var all: [Element] = []
    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      while !list.isAtEnd {
        if let element = try? list.decode(Element.self) {
          all.append(element)
        } else {
          _ = try list.decode(Anything.self)
        }
      }
    }
  }

  /// Values by name; none at all are an empty array on some versions.
  struct Settings: Decodable, Sendable {
    let values: [String: Scalar]
    init(from decoder: any Decoder) throws {
      values = (try? decoder.singleValueContainer().decode([String: Scalar].self)) ?? [:]
    }
  }

  /// The value of an argument, as text; what is not simple is its absence.
  struct Scalar: Decodable, Sendable {
    let text: String?
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self.text = text
      } else if let number = try? container.decode(Int.self) {
        text = "\(number)"
      } else if let flag = try? container.decode(Bool.self) {
        text = flag ? "true" : "false"
      } else {
        text = nil
      }
    }
  }

  struct ExchangeInfo: Decodable, Sendable {
    let name: String
    let type: String
    let autoDelete: Bool?
    private let `internal`: Bool?
    /// Whether it is one of those that every broker has.
    var isBuiltIn: Bool { name.isEmpty || name.hasPrefix("amq.") }
    var isPassing: Bool { autoDelete == true || `internal` == true }
  }

  struct BindingInfo: Decodable, Sendable, Hashable {
    let source: String
    let destination: String
    private let destinationType: String?
    let routingKey: String
    var isToQueue: Bool { destinationType != "exchange" }
  }

  struct ConsumerInfo: Decodable, Sendable {
    private struct QueueName: Decodable, Sendable { let name: String? }
    private struct Details: Decodable, Sendable { let connectionName: String? }
    private let queue: QueueName?
    private let channelDetails: Details?
    private let arguments: Settings?
    /// From 4.0 on: the broker's own limit in milliseconds, whatever its queue says.
    let consumerTimeout: Int?
    var queueName: String { queue?.name ?? "" }
    /// The connection, as the broker calls it.
    var connection: String { channelDetails?.connectionName ?? "" }
    /// Milliseconds that this consumer asks for.
    var wantedTimeout: Int? { arguments?.values["x-consumer-timeout"]?.text.flatMap { Int($0) } }
  }

  struct ConnectionInfo: Decodable, Sendable {
    private struct Properties: Decodable, Sendable { let connectionName: String? }
    let name: String
    private let clientProperties: Properties?
    private let connectedAt: Int64?
    /// The name that its owner gave it.
    var givenName: String? { clientProperties?.connectionName }
    var since: Date { Date(milliseconds: connectedAt ?? 0) }
  }

  struct ChannelInfo: Decodable, Sendable {
    private struct Details: Decodable, Sendable { let name: String? }
    private let connectionDetails: Details?
    private let messagesUnacknowledged: Int?
    var connection: String { connectionDetails?.name ?? "" }
    var unacknowledged: Int { messagesUnacknowledged ?? 0 }
  }

  struct HostLimits: Decodable, Sendable {
    private let value: Settings?
    init() { value = nil }
    var queues: Int? { limit("max-queues") }
    var connections: Int? { limit("max-connections") }
    /// Below 0 there is none.
    private func limit(_ name: String) -> Int? {
      value?.values[name]?.text.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }
  }

  struct NodeInfo: Decodable, Sendable {
    let name: String
    private let running: Bool?
    private let memAlarm: Bool?
    private let diskFreeAlarm: Bool?
    private let partitions: [String]?
    var isRunning: Bool { running ?? false }

    /// What it is short of, or cut off from.
    var alarms: [String] {
      if !isRunning { return ["does not run"] }
      var alarms: [String] = []
      if memAlarm == true { alarms.append("is short of memory, so nothing can be published") }
      if diskFreeAlarm == true { alarms.append("is short of disk, so nothing can be published") }
      if partitions?.isEmpty == false { alarms.append("is cut off from other nodes") }
      return alarms
    }
  }
}

extension [ManagementAPI.QueueInfo] {
  /// Follows the dead letters of all queues through exchanges to the queues that they end in.
  ///
  /// A queue into which another's messages fall when their time is over is the target of a delay when it is consumed, or when
  /// the other is not; one that dead-letters further is a stage on the way. Neither holds dead letters.
  mutating func resolveDeadLetters(
    exchanges: [ManagementAPI.ExchangeInfo], bindings: [ManagementAPI.BindingInfo]
  ) {
    let kinds = Dictionary(exchanges.map { ($0.name, $0.type) }) { first, _ in first }
    let fromExchange = Dictionary(grouping: bindings.filter(\.isToQueue), by: \.source)
    let byName = Dictionary(self.map { ($0.name, $0) }) { first, _ in first }
    var holders: Set<String> = []
    for index in indices {
      let queue = self[index]
      guard let exchange = queue.deadLetterExchange, !SystemNames.isInternal(queue.name) else { continue }
      let key = queue.setting("dead-letter-routing-key")
      let targets: [String]
      if exchange.isEmpty {
        targets = key.map { [$0] } ?? []
      } else {
        targets = (fromExchange[exchange] ?? []).filter { binding in
          // Without a key of its own the queue keeps those of the messages, which can be any.
          guard let key else { return true }
          switch kinds[exchange] {
          case "direct"?: return binding.routingKey == key
          case "topic"?: return RoutingPattern(RoutingKey(binding.routingKey)).matches(RoutingKey(key))
          default: return true
          }
        }.map(\.destination)
      }
      self[index].deadLetterQueues = Set(targets).filter { byName[$0] != nil }.sorted()
      for name in self[index].deadLetterQueues {
        guard let target = byName[name], target.deadLetterExchange == nil else { continue }
        // What expires in a queue without a consumer is delayed there, and goes on to be worked on.
        if queue.setting("message-ttl") != nil, !queue.isOwnWork, target.consumerCount > 0 || queue.consumerCount == 0 {
          continue
        }
        holders.insert(name)
      }
    }
    for index in indices where holders.contains(self[index].name) || self[index].name.hasSuffix(".dlq") {
      self[index].holdsDeadLetters = true
    }
  }
}
