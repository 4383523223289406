import AMQP
import BrokerConformance
import Foundation
import Spawning
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Where a broker for tests listens, from the environment. `make test-rabbitmq` sets it.
enum RealBroker {
  private static let environment = ProcessInfo.processInfo.environment
  /// All nodes, with commas in between; the first says where the management API is.
  static let url = environment["WARREN_TEST_URI"].map { uris in
    var nodes = uris.split(separator: ",").map(String.init)
    if let management = environment["WARREN_TEST_MANAGEMENT"] {
      nodes[0] += "?management=\(management.replacing("guest:guest@", with: ""))"
    }
    return nodes.joined(separator: ",")
  }
  static let urls = url.map { $0.split(separator: ",").map(String.init) }
  static let isThere = url != nil
  static let note: Comment = "no RabbitMQ: set WARREN_TEST_URI, or run make test-rabbitmq"
  /// The script, the folder and the node, for tests that break the broker.
  private static let control = ["SCRIPT", "DIR", "NODE"].compactMap { environment["WARREN_TEST_BROKER_\($0)"] }
  /// The folder and the node of the broker.
  static var place: (dir: String, node: String)? { canBeBroken ? (control[1], control[2]) : nil }
  static let canBeBroken = isThere && control.count == 3

  /// Only the scenarios of these laws, and whose name contains this.
  static let scenarios = Scenario.all(with: [.otherProcesses, .priority, .locks, .store, .takesBack]).filter {
    scenario in
    (environment["WARREN_TEST_LAWS"].map { $0.contains(scenario.name.prefix(1)) } ?? true)
      && (environment["WARREN_TEST_SCENARIO"].map { scenario.name.contains($0) } ?? true)
  }

  /// For those who use the broker without Warren.
  static func foreign() throws -> AMQPConfiguration {
    try AMQPConfiguration(uri: String(try #require(url).prefix { $0 != "?" }))
  }

  /// Where the management API of the test's broker answers.
  static var management: URL? {
    url.flatMap { URLComponents(string: $0) }?.queryItems?.first { $0.name == "management" }?.value.flatMap {
      URL(string: $0)
    }
  }
  /// The same broker with a management API that is not there.
  static var urlWithoutManagement: String? { url.map { $0.prefix { $0 != "?" } + "?management=http://127.0.0.1:1" } }

  /// What the management API says, without Warren.
  static func api(_ path: String, method: String = "GET", body: String? = nil) async throws -> Any? {
    let base = try #require(management, "WARREN_TEST_MANAGEMENT names no management API")
    var request = URLRequest(url: try #require(URL(string: "\(base)/api/\(path)")))
    request.httpMethod = method
    request.httpBody = body.map { Data($0.utf8) }
    if body != nil { request.setValue("application/json", forHTTPHeaderField: "Content-Type") }
    request.setValue("Basic " + Data("guest:guest".utf8).base64EncodedString(), forHTTPHeaderField: "Authorization")
    let (data, response) = try await URLSession.shared.data(for: request)
    let status = (response as? HTTPURLResponse)?.statusCode ?? 0
    #expect((200..<300).contains(status), "\(path): \(status)")
    return data.isEmpty ? nil : try JSONSerialization.jsonObject(with: data)
  }

  /// Closes the connection of this name, as an administrator does.
  static func closeConnection(named name: String) async throws {
    // The management API shows a new connection after some seconds.
    let broker = try await until {
      try await (api("connections") as? [[String: Any]])?.first { ($0["user_provided_name"] as? String) == name }?[
        "name"]
        as? String
    } holds: {
      $0 != nil
    }
    let path = try #require(broker?.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
    _ = try await api("connections/\(path)", method: "DELETE")
  }

  /// Which version the tests run on, such as `4.0`.
  static func version() async throws -> String {
    let overview = try await api("overview") as? [String: Any]
    let full = try #require(overview?["rabbitmq_version"] as? String)
    return full.split(separator: ".").prefix(2).joined(separator: ".")
  }

  /// Runs `scripts/rabbitmq VERB DIR NODE ARGUMENTS` on the broker of the tests.
  static func script(_ verb: String, _ arguments: String...) async throws {
    try #require(canBeBroken)
    _ = try await run([verb, control[1], control[2]] + arguments)
  }

  /// Runs `scripts/rabbitmq`. Returns the lines that it wrote.
  @discardableResult
  static func run(_ words: String...) async throws -> [String] { try await run(words) }

  @discardableResult
  static func run(_ words: [String]) async throws -> [String] {
    try #require(canBeBroken)
    let run = try await ChildProcess.run(control[0], words, limit: 300)
    #expect(run.ending == .exited(0), "scripts/rabbitmq \(words.joined(separator: " ")): \(run.errors)")
    return run.lines
  }
}
