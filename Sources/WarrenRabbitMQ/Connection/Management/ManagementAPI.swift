internal import Foundation
internal import Synchronization

#if canImport(FoundationNetworking)
  internal import FoundationNetworking
#endif

/// RabbitMQ's management API, for what AMQP does not tell. It may be absent; then every answer is `nil`, and ``failure``
/// says why. What is not asked for with `columns` the broker does not send; counts are up to 5 s old.
final class ManagementAPI: Sendable {
  private let base: URL?
  private let authorization: String
  private let virtualHost: String
  private struct State {
    /// After a failure it is left alone for a while.
    var restUntil: ContinuousClock.Instant?
    var failure: String?
  }
  private let state = Mutex(State())

  /// - Parameters:
  ///   - base: where it is. A user that stands there goes before the connection's.
  ///   - credentials: the connection's.
  init(base: URL?, credentials: (user: String, password: String)?, virtualHost: String) {
    let named = base?.user(percentEncoded: false).map { ($0, base?.password(percentEncoded: false) ?? "") }
    let (user, password) = named ?? credentials ?? ("guest", "guest")
    authorization = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    self.base = base.flatMap(Self.withoutUser)
    self.virtualHost = Self.escaped(virtualHost)
  }

  private static func withoutUser(_ url: URL) -> URL? {
    guard var parts = URLComponents(url: url, resolvingAgainstBaseURL: true) else { return nil }
    (parts.user, parts.password) = (nil, nil)
    return parts.url
  }

  /// Why the last question had no answer: completes "the management API …".
  var failure: String { state.withLock { $0.failure } ?? "does not answer" }

  /// All queues of the virtual host, with where their dead letters go as far as that can be told.
  func queues() async -> [QueueInfo]? {
    guard
      var queues = await get(
        [QueueInfo].self, "queues/\(virtualHost)",
        columns: Self.ofQueue)
    else { return nil }
    let needsRoutes = queues.contains { $0.deadLetterExchange.map { !$0.isEmpty } ?? false }
    let exchanges = needsRoutes ? await exchanges() : []
    let bindings = needsRoutes ? await bindings() : []
    DeadLetterRoutes(exchanges: exchanges, bindings: bindings).resolve(&queues)
    return queues
  }

  /// One queue; `nil` also when there is none of this name.
  func queue(_ name: String) async -> QueueInfo? {
    await get(
      QueueInfo.self, "queues/\(virtualHost)/\(Self.escaped(name))",
      columns: Self.ofQueue, missingIsFine: true)
  }

  private static let ofQueue =
    "name,type,durable,exclusive,auto_delete,arguments,effective_policy_definition,messages_ready,"
    + "messages_unacknowledged,messages_dlx,consumers,members,online,leader,message_stats"

  func exchanges() async -> [ExchangeInfo]? {
    await get(
      [ExchangeInfo].self, "exchanges/\(virtualHost)",
      columns: "name,type,durable,auto_delete,internal,arguments,policy")
  }

  func bindings() async -> [BindingInfo]? {
    await get(
      [BindingInfo].self, "bindings/\(virtualHost)",
      columns: "source,destination,destination_type,routing_key,arguments")
  }

  func consumers() async -> [ConsumerInfo]? { await get(Passing<ConsumerInfo>.self, "consumers/\(virtualHost)")?.all }

  func connections() async -> [ConnectionInfo]? {
    await get(
      Passing<ConnectionInfo>.self, "vhosts/\(virtualHost)/connections", columns: "name,client_properties,connected_at")?
      .all
  }

  func channels() async -> [ChannelInfo]? {
    await get(
      Passing<ChannelInfo>.self, "vhosts/\(virtualHost)/channels", columns: "connection_details,messages_unacknowledged"
    )?
    .all
  }

  /// What an administrator limits the virtual host to; a value that is missing is no limit.
  func limits() async -> HostLimits? {
    await get([HostLimits].self, "vhost-limits/\(virtualHost)").map { $0.first ?? HostLimits() }
  }

  func nodes() async -> [NodeInfo]? {
    await get([NodeInfo].self, "nodes", columns: "name,running,mem_alarm,disk_free_alarm,partitions")
  }

  private func get<Answer: Decodable>(
    _ type: Answer.Type, _ path: String, columns: String? = nil, missingIsFine: Bool = false
  ) async -> Answer? {
    let query = columns.map { "?columns=" + $0 } ?? ""
    guard let base, let url = URL(string: "api/\(path)\(query)", relativeTo: base.appendingPathComponent("")) else {
      return fail("has no address")
    }
    if let rest = state.withLock({ $0.restUntil }), ContinuousClock.now < rest { return nil }
    let place = "at \(base.scheme ?? "http")://\(base.host ?? "?"):\(base.port ?? (base.scheme == "https" ? 443 : 80))"
    var request = URLRequest(url: url, timeoutInterval: 5)
    request.setValue(authorization, forHTTPHeaderField: "Authorization")
    request.cachePolicy = .reloadIgnoringLocalCacheData
    guard let answer = await Self.answer(to: request) else { return fail("does not answer \(place)") }
    switch answer.status {
    case 200: break
    case 404 where missingIsFine: return nil
    case 401, 403: return fail("\(place) refuses this user: give it the tag 'monitoring'")
    case let status: return fail("\(place) answers with status \(status): something else may listen there")
    }
    do { return try Self.decoder.decode(type, from: answer.data) } catch {
      return fail("\(place) answers with something else than RabbitMQ's JSON")
    }
  }

  /// Waits for an answer, but not for ever: where something else than HTTP answers, Foundation on Linux never says so.
  private static func answer(to request: URLRequest) async -> (data: Data, status: Int)? {
    await withCheckedContinuation { continuation in
      let waiting = Mutex<CheckedContinuation<(data: Data, status: Int)?, Never>?>(continuation)
      @Sendable func end(_ answer: (data: Data, status: Int)?) {
        let continuation = waiting.withLock { waiting in
          defer { waiting = nil }
          return waiting
        }
        continuation?.resume(returning: answer)
      }
      let task = session.dataTask(with: request) { data, response, error in
        if (error as? URLError)?.code == .cancelled { return end((Data(), 401)) }
        end(data.flatMap { data in (response as? HTTPURLResponse).map { (data, $0.statusCode) } })
      }
      task.resume()
      DispatchQueue.global().asyncAfter(deadline: .now() + request.timeoutInterval + 1) {
        end(nil)
        task.cancel()
      }
    }
  }

  private static let session = {
    let configuration = URLSessionConfiguration.ephemeral
    // A question that waits for a connection of its own process would count as one that is not answered.
    configuration.httpMaximumConnectionsPerHost = 64
    return URLSession(configuration: configuration, delegate: NoSecondGuess(), delegateQueue: nil)
  }()

  /// The credentials are with the request. When they are refused, Foundation on Linux looks for others and never ends, unless
  /// the search is cancelled.
  private final class NoSecondGuess: NSObject, URLSessionTaskDelegate {
    func urlSession(
      _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
      completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
      completionHandler(.cancelAuthenticationChallenge, nil)
    }
  }

  private func fail<Answer>(_ failure: String) -> Answer? {
    state.withLock { state in
      state.failure = failure
      state.restUntil = ContinuousClock.now + .seconds(10)
    }
    return nil
  }

  private static let decoder = {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }()

  private static func escaped(_ name: String) -> String {
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~")
    return name.addingPercentEncoding(withAllowedCharacters: allowed) ?? name
  }
}
