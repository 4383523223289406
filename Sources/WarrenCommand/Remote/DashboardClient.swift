internal import Foundation
internal import Warren

#if canImport(FoundationNetworking)
  internal import FoundationNetworking
#endif

/// The JSON API of a dashboard, which `api/openapi.json` describes.
struct DashboardClient: Sendable {
  /// Where the dashboard is, without a user.
  let base: URL
  private let authorization: String?

  /// What the API says it did.
  struct Done: Decodable, Sendable {
    var done: String
    var count: Int
    var stayed: Int
    var missing: Int
    var operation: String?
    var job: MessageID?
  }

  /// - Parameters:
  ///   - text: `http://host/admin/queues`.
  ///   - token: what is sent as a bearer token.
  ///   - user: `NAME:PASSWORD`.
  init(_ text: String, token: String?, user: String?) throws(CommandError) {
    guard var parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme ?? ""), parts.host != nil
    else {
      throw CommandError(
        .usage, "'\(text)' is no address of a dashboard", next: "write it as https://example.org/admin/queues")
    }
    if token != nil, user != nil { throw CommandError(.usage, "--token and --user: only one of both") }
    let named = parts.user.map { "\($0):\(parts.password ?? "")" }
    (parts.user, parts.password, parts.query, parts.fragment) = (nil, nil, nil, nil)
    while parts.path.hasSuffix("/") { parts.path.removeLast() }
    guard let base = parts.url else { throw CommandError(.usage, "'\(text)' is no address of a dashboard") }
    self.base = base
    if let token {
      authorization = "Bearer \(token)"
    } else {
      authorization = (user ?? named).map { "Basic " + Data($0.utf8).base64EncodedString() }
    }
  }

  func get<Answer: Decodable>(
    _ type: Answer.Type, _ path: String, _ fields: [(String, String?)] = []
  ) async throws(BrokerError) -> Answer {
    var request = try request(path, fields)
    request.httpMethod = "GET"
    return try decoded(type, try await answer(to: request), path)
  }

  @discardableResult
  func post(_ path: String, _ fields: [(String, String?)], picks: [String] = []) async throws(BrokerError) -> Done {
    var request = try request(path, [])
    request.httpMethod = "POST"
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    var body: [String: Any] = [:]
    for case (let name, let value?) in fields { body[name] = value }
    if !picks.isEmpty { body["pick"] = picks }
    request.httpBody = try? JSONSerialization.data(withJSONObject: body)
    return try decoded(Done.self, try await answer(to: request), path)
  }

  private func request(_ path: String, _ fields: [(String, String?)]) throws(BrokerError) -> URLRequest {
    let query = fields.compactMap { name, value in value.map { "\(Self.escaped(name))=\(Self.escaped($0))" } }
    let text = base.absoluteString + "/api/v1/" + path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    guard let url = URL(string: text) else { throw BrokerError(.invalid, "'\(text)' is no address") }
    var request = URLRequest(url: url, timeoutInterval: 120)
    request.setValue("application/json", forHTTPHeaderField: "Accept")
    if let authorization { request.setValue(authorization, forHTTPHeaderField: "Authorization") }
    return request
  }

  private func answer(to request: URLRequest) async throws(BrokerError) -> Data {
    let data: Data
    let response: URLResponse
    do { (data, response) = try await Self.session.data(for: request) } catch {
      // Foundation on Linux tells a refused challenge in this way.
      if (error as? URLError)?.code == .userCancelledAuthentication || (error as? URLError)?.code == .cancelled {
        throw Self.refused(401, nil)
      }
      throw BrokerError(
        .unavailable, "the dashboard at \(base) does not answer: \(error.localizedDescription)", underlying: error)
    }
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    if status == 200 { return data }
    struct Problem: Decodable { var error: String }
    throw Self.refused(status, (try? JSONDecoder().decode(Problem.self, from: data))?.error)
  }

  private static func refused(_ status: Int, _ text: String?) -> BrokerError {
    switch status {
    case 401: BrokerError(.invalid, "the dashboard does not know who asks: give --user NAME:PASSWORD or --token TOKEN")
    case 403: BrokerError(.readOnly, text ?? "the dashboard refuses this to whom it was told who asks")
    case 404:
      BrokerError(.notFound, text ?? "there is no dashboard at this address, or an older one that does not know this")
    case 409: BrokerError(.ambiguous, text ?? "it was changed meanwhile")
    case 400, 413, 415: BrokerError(.invalid, text ?? "the dashboard does not understand this")
    case 501: BrokerError(.unsupported, text ?? "the engine of the dashboard cannot do this")
    case 503: BrokerError(.unavailable, text ?? "the broker of the dashboard cannot be reached")
    default: BrokerError(.unavailable, text ?? "the dashboard answered with the status \(status)")
    }
  }

  private func decoded<Answer: Decodable>(
    _ type: Answer.Type, _ data: Data, _ path: String
  ) throws(BrokerError) -> Answer {
    do { return try Self.decoder.decode(type, from: data) } catch {
      throw BrokerError(
        .newerVersion, "what \(base) answers to '\(path)' is not understood: is it a dashboard of this version?",
        underlying: error)
    }
  }

  private static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom {
      try Date(String(from: $0), strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
    return decoder
  }()

  private static func escaped(_ text: String) -> String {
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~")
    return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? text
  }

  private static let session = URLSession(
    configuration: .ephemeral, delegate: NoSecondGuess(), delegateQueue: nil)

  /// The credentials are with the request. Foundation on Linux looks for others and never ends, unless the search is cancelled;
  /// and an address that leads elsewhere must not be given them.
  private final class NoSecondGuess: NSObject, URLSessionTaskDelegate {
    func urlSession(
      _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
      completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
      #if canImport(FoundationNetworking)
        completionHandler(.cancelAuthenticationChallenge, nil)
      #else
        let isLogin = challenge.protectionSpace.authenticationMethod != NSURLAuthenticationMethodServerTrust
        completionHandler(isLogin ? .cancelAuthenticationChallenge : .performDefaultHandling, nil)
      #endif
    }

    func urlSession(
      _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
      newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) { completionHandler(nil) }
  }
}
