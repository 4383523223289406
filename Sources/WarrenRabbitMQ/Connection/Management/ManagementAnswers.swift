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
    var online: [String]?
    /// The one that leads it.
    let leader: String?
    private let messageStats: MessageStats?

    /// Where its dead letters lie: found out by ``DeadLetterRoutes``.
    var deadLetterQueues: [String] = []
    /// Whether it holds dead letters: Warren declared it for that.
    var holdsDeadLetters = false
    /// Whether another queue's dead letters may lie in it.
    var mayHoldDeadLetters = false
    /// Why the dead letters of this queue go nowhere; completes "…, and RabbitMQ drops them". `nil` when they go somewhere, or that
    /// cannot be told.
    var lostDeadLetters: String?

    private enum CodingKeys: String, CodingKey {
      case name, type, durable, exclusive, autoDelete, arguments, effectivePolicyDefinition
      case messagesReady, messagesUnacknowledged, messagesDlx, consumers, members, online, leader, messageStats
    }

    var kind: String { type ?? arguments?["x-queue-type"]?.text ?? "classic" }
    var isDurable: Bool { durable ?? true }
    var isExclusive: Bool { exclusive == true }
    /// Whether it goes with its connection or its last consumer.
    var isPassing: Bool { exclusive == true || autoDelete == true }
    var ready: Int { messagesReady ?? 0 }
    var unacknowledged: Int { messagesUnacknowledged ?? 0 }
    /// Those whose time is over and that have not gone on to the queue for dead letters yet.
    var overdue: Int { messagesDlx ?? 0 }
    var consumerCount: Int { consumers ?? 0 }

    /// Whether a quorum queue has lost the majority of its nodes. Then a question about it by AMQP has no answer.
    var isHalted: Bool { (online?.count ?? 1) * 2 <= members?.count ?? 0 }

    /// The same, without the nodes that do not run.
    func living(on running: Set<String>) -> QueueInfo {
      var queue = self
      queue.online = online?.filter(running.contains)
      return queue
    }

    /// All that the policies say.
    var policies: [String: Scalar] { effectivePolicyDefinition?.values ?? [:] }

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
  struct Settings: Decodable, Sendable, Hashable {
    let values: [String: Scalar]
    init(from decoder: any Decoder) throws {
      values = (try? decoder.singleValueContainer().decode([String: Scalar].self)) ?? [:]
    }
  }

  /// The value of an argument, as text; what is not simple is its absence.
  struct Scalar: Decodable, Sendable, Hashable {
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
    private let durable: Bool?
    private let `internal`: Bool?
    let arguments: Settings?
    private let policy: String?
    var isDurable: Bool { durable ?? true }
    /// Whether it routes in a way that Warren would not declare.
    var hasArguments: Bool { arguments?.values.isEmpty == false }
    /// Whether what none of its bindings takes may go to another exchange, by an argument or a policy.
    var mayHaveAlternate: Bool { arguments?.values["alternate-exchange"] != nil || policy != nil }
    /// Whether it is one of those that every broker has.
    var isBuiltIn: Bool { name.isEmpty || name.hasPrefix("amq.") }
    var isPassing: Bool { autoDelete == true || `internal` == true }
  }

  struct BindingInfo: Decodable, Sendable, Hashable {
    let source: String
    let destination: String
    private let destinationType: String?
    let routingKey: String
    private let arguments: Settings?
    var hasArguments: Bool { arguments?.values.isEmpty == false }
    var isToQueue: Bool { destinationType != "exchange" }
  }

  struct ConsumerInfo: Decodable, Sendable {
    private struct QueueName: Decodable, Sendable { let name: String? }
    private struct Details: Decodable, Sendable { let connectionName: String? }
    private let queue: QueueName?
    private let channelDetails: Details?
    private let arguments: Settings?
    /// From 4.0 on: the limit in milliseconds that holds for its queue, which is the broker's own where the queue has none.
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
