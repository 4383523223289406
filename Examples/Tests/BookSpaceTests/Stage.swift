import ExampleSupport
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import Warren
import WarrenGRDB

@testable import bookspace

/// A whole BookSpace for one test: its files in a directory of their own, its broker in a pocket.
struct Stage {
  let data: URL
  let store: Store
  let broker = PocketBroker()
  private let bus: EventBus
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private init(_ data: URL) throws {
    self.data = data
    store = try Store(file: data.appending(path: "bookspace.db"))
    bus = EventBus(broker, exchange: Layout.events, source: "test")
  }

  static func set(_ play: (Stage) async throws -> Void) async throws {
    let data = FileManager.default.temporaryDirectory.appending(path: "bookspace-\(UUID())")
    defer { try? FileManager.default.removeItem(at: data) }
    try await play(Stage(data))
  }

  /// The API, with a client of it.
  func api(isReady: Bool = true, _ play: @escaping @Sendable (Client) async throws -> Void) async throws {
    let readiness = Readiness(broker, try Layout.topology(), engine: "Pocket", logger: logger)
    if isReady { try await readiness.declare() }
    let router = ExampleSystem.router()
    Probes(readiness, PrometheusMetrics()).add(to: router)
    BookSpaceAPI(store: store)
      .add(to: router.group().add(middleware: ReadinessMiddleware(readiness)))
    try await withThrowingTaskGroup(of: Void.self) { group in
      let relay = store.relay(to: broker, engine: "Pocket", logger: logger)
      group.addTask { try await relay.run() }
      try await Application(router: router, logger: logger).test(.router) { try await play(Client(http: $0)) }
      if !broker.refuses { try await relayed() }
      group.cancelAll()
    }
  }

  /// Waits until the broker has the events of all that was saved.
  func relayed() async throws {
    while try await store.outbox.status().waiting > 0 { try await Task.sleep(for: .milliseconds(2)) }
  }

  /// Runs the worker while `play` runs.
  func worker(
    environment: [String: String] = [:], _ play: (inout AsyncStream<Settlement>.Iterator) async throws -> Void
  ) async throws {
    let faults = Faults(directory: data, environment: environment)
    let worker = try EventHandlers(store: store, faults: faults).worker(on: broker, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      var settlements = broker.settlements.makeAsyncIterator()
      try await play(&settlements)
      group.cancelAll()
    }
  }

  func publish<E: EventMessage>(_ event: E) async throws { try await bus.publish(event) }
}

/// Sends JSON and reads JSON.
struct Client {
  let http: any TestClientProtocol

  struct Answer {
    var status: HTTPResponse.Status
    var json: [String: Any]
    var text: String
    /// Of an error.
    var code: String? { (json["error"] as? [String: Any])?["code"] as? String }
    /// Of an error.
    var message: String { (json["error"] as? [String: Any])?["message"] as? String ?? "" }
    func list(_ name: String) -> [[String: Any]] { json[name] as? [[String: Any]] ?? [] }
  }

  @discardableResult func send(
    _ method: HTTPRequest.Method, _ uri: String, _ body: String? = nil, as user: String? = "user123"
  ) async throws -> Answer {
    var headers = HTTPFields()
    if let user, let name = HTTPField.Name("x-user-id") { headers[name] = user }
    let response = try await http.execute(
      uri: uri, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
    let json = try? JSONSerialization.jsonObject(with: Data(response.body.readableBytesView)) as? [String: Any]
    return Answer(status: response.status, json: json ?? [:], text: String(buffer: response.body))
  }

  /// Writes a document, and returns its id.
  func write(title: String = "API Guide", as user: String = "user123") async throws -> String {
    let answer = try await send(
      .post, "/v1/docs", #"{"title":"\#(title)","content":"REST","tags":["api","guide"]}"#, as: user)
    return try #require(answer.json["documentId"] as? String)
  }
}
