import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Warren
import WarrenTesting

@testable import WarrenDashboard

/// A dashboard over a broker in memory. Who asks stands in the header `X-Role`; without it nothing is known.
struct Stage: Sendable {
  let broker: TestBroker
  let outbox: FixedOutbox
  let dashboard: Dashboard
  let client: any TestClientProtocol
  private static let roleHeader = HTTPField.Name("X-Role") ?? .authorization
  private static let siteHeader = HTTPField.Name("Sec-Fetch-Site") ?? .authorization
  static let prefix = "/admin/queues"
  static let token = String(repeating: "0123456789abcdef", count: 2)

  /// Runs `body` with the queue `mail` and the exchange `books`, which feeds the queue `audit`.
  ///
  /// - Parameters:
  ///   - engine: what the dashboard sees of the broker; by default all of it.
  ///   - patience: how long a page is waited for; by default until it is there.
  static func run(
    over engine: @Sendable (TestBroker) -> any Broker = { $0 },
    rule: (@Sendable (Dashboard.Action, QueueName?) -> Bool)? = nil, patience: Duration = .seconds(3600),
    _ body: @Sendable (Stage) async throws -> Void
  ) async throws {
    let broker = try TestBroker()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let outbox = FixedOutbox(at: broker.clock.now)
    let seen = engine(broker)
    var configuration = Dashboard.Configuration(title: "Bookings", environment: "production", challenge: "Basic")
    configuration.patience = patience
    let dashboard = Dashboard(
      seen, configuration,
      outbox: seen is TestBroker ? outbox : nil, logger: logger)
    let router = Router()
    dashboard.addRoutes(to: router, at: prefix) { request, _ in
      guard let name = request.headers[roleHeader] else { return .unknown }
      guard let role = Dashboard.Role(rawValue: name) else { return .refused }
      return .admitted(.init(name: "ann", role: role, rule: rule))
    }
    let application = Application(router: router, logger: logger)
    try await broker.withBroker { broker in
      try await broker.apply(
        try Topology(
          exchanges: ["books"], queues: ["audit", "mail"], bindings: [Binding("audit", to: "books", key: "book.*")]))
      try await application.test(.router) { client in
        try await body(Stage(broker: broker, outbox: outbox, dashboard: dashboard, client: client))
      }
    }
  }

  func get(_ path: String, as role: String? = "admin") async throws -> TestResponse {
    var headers: HTTPFields = [.cookie: "\(Forgery.cookie)=\(Self.token)"]
    if let role { headers[Self.roleHeader] = role }
    return try await client.execute(uri: uri(path), method: .get, headers: headers)
  }

  func page(_ path: String, as role: String = "admin") async throws -> String {
    let response = try await get(path, as: role)
    guard response.status == .ok else {
      throw Unexpected("\(path): \(response.status) \(String(buffer: response.body))")
    }
    return String(buffer: response.body)
  }

  /// Sends a form as a page of the dashboard does.
  func post(
    _ path: String, _ fields: [(String, String)], as role: String? = "admin", site: String? = "same-origin",
    token: String? = token, cookie: String? = token, origin: String? = nil
  ) async throws -> TestResponse {
    var headers: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
    if let role { headers[Self.roleHeader] = role }
    if let site { headers[Self.siteHeader] = site }
    if let cookie { headers[.cookie] = "\(Forgery.cookie)=\(cookie)" }
    if let origin { headers[.origin] = origin }
    let all =
      fields.map { Link.Field(name: $0.0, value: $0.1) } + (token.map { [.init(name: "token", value: $0)] } ?? [])
    return try await client.execute(
      uri: uri(path), method: .post, headers: headers, body: ByteBuffer(string: FormFields(all).text))
  }

  /// Sends JSON as a program does.
  func json(
    _ path: String, _ fields: [(String, String)], as role: String? = "admin", site: String? = nil
  ) async throws -> TestResponse {
    var headers: HTTPFields = [.contentType: "application/json"]
    if let role { headers[Self.roleHeader] = role }
    if let site { headers[Self.siteHeader] = site }
    let body = try JSONEncoder().encode(Dictionary(fields, uniquingKeysWith: { first, _ in first }))
    return try await client.execute(uri: uri(path), method: .post, headers: headers, body: ByteBuffer(bytes: body))
  }

  private func uri(_ path: String) -> String {
    path.isEmpty || path.hasPrefix("?") ? Self.prefix + path : "\(Self.prefix)/\(path)"
  }

  /// Enqueues jobs and lets them give up after two attempts.
  func park(
    _ ids: [MessageID], name: MessageName = "email.send", body: String = #"{"to":"ann@example.org"}"#,
    headers: Message.Headers = [:], error: String = "MailError", message: String = "refused by mx1"
  ) async throws {
    _ = try await broker.publish(
      ids.map { id in
        Publication(
          Message(
            id: id, name: name, body: Data(body.utf8), headers: headers, timestamp: broker.clock.now, source: "test"),
          to: .queue("mail"))
      })
    try await broker.consume("mail", prefetch: ids.count) { consumer in
      for _ in ids {
        guard let delivery = await consumer.next() else { return }
        var history = History()
        for attempt in 1...2 {
          history.attempts = attempt
          history.note(
            Failure(time: broker.clock.now, attempt: attempt, error: error, message: message, worker: "w<1>"))
        }
        _ = try await broker.settle(
          delivery, as: .deadLetter(DeadLetterReason(.exhausted, "\(error): \(message)"), history))
      }
    }
    broker.advance(by: .seconds(1))
  }

  func queue(_ name: QueueName) async throws -> QueueStatus? { try await broker.queues().first { $0.name == name } }
  func ready(_ name: QueueName) async throws -> Int { try await queue(name)?.ready ?? -1 }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
