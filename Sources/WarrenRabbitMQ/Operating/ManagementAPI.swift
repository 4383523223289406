internal import Foundation
internal import Synchronization

#if canImport(FoundationNetworking)
  internal import FoundationNetworking
#endif

/// RabbitMQ's management API, for what AMQP does not tell. It may be absent; then every answer is `nil`.
final class ManagementAPI: Sendable {
  /// A queue as the API shows it. The counts of a quorum queue are up to 5 s old.
  struct QueueInfo: Sendable {
    let name: String
    let type: String
    let isDurable: Bool
    let isExclusive: Bool
    let arguments: [String: String]
    let ready: Int
    let unacknowledged: Int
    let consumers: Int
    /// Whether it is where another queue's dead letters go, as far as the arguments tell.
    var holdsDeadLetters: Bool
    /// Straight into this queue go the dead letters.
    let deadLetterQueue: String?
  }
  struct Alarm: Sendable {
    let node: String
    let text: String
  }

  private let base: URL?
  private let authorization: String
  private let virtualHost: String
  /// After a failure it is left alone for a while.
  private let restUntil = Mutex<ContinuousClock.Instant?>(nil)

  init(base: URL?, credentials: (user: String, password: String)?, virtualHost: String) {
    self.base = base
    let (user, password) = credentials ?? ("guest", "guest")
    authorization = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~")
    self.virtualHost = virtualHost.addingPercentEncoding(withAllowedCharacters: allowed) ?? virtualHost
  }

  /// All queues of the virtual host.
  func queues() async -> [QueueInfo]? {
    // Without statistics it costs the broker little, and the totals are there all the same.
    guard
      let list = await get("api/queues/\(virtualHost)?disable_stats=true&enable_queue_totals=true") as? [[String: Any]]
    else { return nil }
    var queues = list.compactMap(Self.queue)
    let holders = Set(queues.compactMap(\.deadLetterQueue))
    for index in queues.indices {
      queues[index].holdsDeadLetters = holders.contains(queues[index].name) || queues[index].name.hasSuffix(".dlq")
    }
    return queues
  }

  private static func queue(_ object: [String: Any]) -> QueueInfo? {
    guard let name = object["name"] as? String else { return nil }
    let raw = object["arguments"] as? [String: Any] ?? [:]
    let arguments = raw.mapValues { "\($0)" }
    let key = arguments["x-dead-letter-routing-key"] ?? name
    let isDirect = arguments["x-dead-letter-exchange"] == ""
    return QueueInfo(
      name: name, type: object["type"] as? String ?? arguments["x-queue-type"] ?? "classic",
      isDurable: object["durable"] as? Bool ?? true, isExclusive: object["exclusive"] as? Bool ?? false,
      arguments: arguments, ready: number(object["messages_ready"]),
      unacknowledged: number(object["messages_unacknowledged"]),
      consumers: number(object["consumers"]), holdsDeadLetters: false,
      deadLetterQueue: isDirect && !name.hasPrefix(SystemNames.bucketPrefix) ? key : nil)
  }

  /// Names of connections, with what each consumes.
  func consumers() async -> [(connection: String, queue: String)]? {
    guard let list = await get("api/consumers/\(virtualHost)") as? [[String: Any]] else { return nil }
    return list.compactMap { consumer in
      guard let queue = (consumer["queue"] as? [String: Any])?["name"] as? String,
        let details = consumer["channel_details"] as? [String: Any],
        let connection = details["connection_name"] as? String
      else { return nil }
      return (connection, queue)
    }
  }

  /// The connections that have a name of their own: the broker's name for each, that name, and since when.
  func connections() async -> [(connection: String, name: String, since: Date)]? {
    guard let list = await get("api/vhosts/\(virtualHost)/connections") as? [[String: Any]] else { return nil }
    return list.compactMap { connection in
      guard let name = connection["name"] as? String,
        let properties = connection["client_properties"] as? [String: Any],
        let given = properties["connection_name"] as? String
      else { return nil }
      return (name, given, Date(milliseconds: Int64(Self.number(connection["connected_at"]))))
    }
  }

  /// What the nodes are short of, or cut off from.
  func alarms() async -> [Alarm]? {
    guard let nodes = await get("api/nodes") as? [[String: Any]] else { return nil }
    return nodes.flatMap { node -> [Alarm] in
      let name = node["name"] as? String ?? "?"
      var alarms: [Alarm] = []
      if node["running"] as? Bool == false { alarms.append(Alarm(node: name, text: "does not run")) }
      if node["mem_alarm"] as? Bool == true {
        alarms.append(Alarm(node: name, text: "is short of memory, so nothing can be published"))
      }
      if node["disk_free_alarm"] as? Bool == true {
        alarms.append(Alarm(node: name, text: "is short of disk, so nothing can be published"))
      }
      if let partitions = node["partitions"] as? [Any], !partitions.isEmpty {
        alarms.append(Alarm(node: name, text: "is cut off from other nodes"))
      }
      return alarms
    }
  }

  private static func number(_ value: Any?) -> Int { (value as? NSNumber)?.intValue ?? 0 }

  private func get(_ path: String) async -> Any? {
    guard let base, let url = URL(string: path, relativeTo: base.appendingPathComponent("")) else { return nil }
    if let rest = restUntil.withLock({ $0 }), ContinuousClock.now < rest { return nil }
    var request = URLRequest(url: url, timeoutInterval: 3)
    request.setValue(authorization, forHTTPHeaderField: "Authorization")
    request.cachePolicy = .reloadIgnoringLocalCacheData
    guard let (data, response) = try? await URLSession.shared.data(for: request),
      (response as? HTTPURLResponse)?.statusCode == 200
    else {
      restUntil.withLock { $0 = ContinuousClock.now + .seconds(10) }
      return nil
    }
    return try? JSONSerialization.jsonObject(with: data)
  }
}
