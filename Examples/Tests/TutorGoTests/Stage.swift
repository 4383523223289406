import ExampleSupport
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Mail
import NIOCore
import Synchronization
import Testing
import TutorGoMessaging
import Warren
import WarrenGRDB
import WarrenTesting

@testable import tutorgo

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// The four services on a file and a broker of their own, by a clock that stands still until a test turns it.
struct Stage: Sendable {
  let broker: TestBroker
  let store: Store
  let mailer: RecordingMailer
  let client: Client

  static func set(_ play: @escaping @Sendable (Stage) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "warren-tutorgo-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let settings = MessagingSettings()
    let broker = try TestBroker()
    let store = try Store(
      file: folder.appending(path: "tutorgo.db"), composer: settings.composer(source: "test"), clock: broker.clock)
    let mailer = RecordingMailer()
    let mails = NotificationMails(mailer: mailer, from: try MailAddress("lessons@tutorgo.example"))
    let consumer = EventConsumer(broker, settings: settings, name: "test", logger: silent)
    let worker = try Services.worker(consumer, store, mails)
    try await broker.working(worker) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await OutboxRelay(store.outbox, to: broker, logger: silent).run() }
        let router = ExampleSystem.router()
        Services.addRoutes(to: router.group(), store)
        try await Application(router: router, logger: silent).test(.router) { http in
          try await play(
            Stage(broker: broker, store: store, mailer: mailer, client: Client(http: http, clock: broker.clock)))
        }
        group.cancelAll()
      }
    }
  }

  /// Waits until everything that was published is handled, retries included.
  func settled() async throws {
    while try await store.outbox.status().waiting > 0 { try await Task.sleep(for: .milliseconds(2)) }
    try await broker.runUntilIdle()
  }

  func subjects(of user: String) async throws -> [String] {
    try await client.send(.get, "/users/\(user)/notifications", as: user).list("notifications")
      .compactMap { $0["subject"] as? String }.reversed()
  }

  func letters() async throws -> [DeadLetter] { try await broker.deadLetters(DeadLetterSelection()).letters }
}

/// Sends JSON and reads JSON.
struct Client: Sendable {
  let http: any TestClientProtocol
  let clock: any BrokerClock

  struct Answer {
    var status: HTTPResponse.Status
    var headers: HTTPFields
    var json: [String: Any]
    var code: String? { (json["error"] as? [String: Any])?["code"] as? String }
    var message: String { (json["error"] as? [String: Any])?["message"] as? String ?? "" }
    func list(_ name: String) -> [[String: Any]] { json[name] as? [[String: Any]] ?? [] }
    func text(_ name: String) -> String { json[name] as? String ?? "" }
  }

  @discardableResult func send(
    _ method: HTTPRequest.Method, _ uri: String, _ body: [String: Any]? = nil, as user: String? = "student-1",
    headers more: [String: String] = [:]
  ) async throws -> Answer {
    var headers = HTTPFields()
    for (name, value) in more.merging(user.map { ["x-user-id": $0] } ?? [:], uniquingKeysWith: { $1 }) {
      if let field = HTTPField.Name(name) { headers[field] = value }
    }
    let data = try body.map { ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: $0)) }
    let response = try await http.execute(uri: uri, method: method, headers: headers, body: data)
    let json = try? JSONSerialization.jsonObject(with: Data(response.body.readableBytesView)) as? [String: Any]
    return Answer(status: response.status, headers: response.headers, json: json ?? [:])
  }

  /// A lesson of the document's tutor.
  func lesson(inHours hours: Double, lasting length: Double = 1) -> [String: Any] {
    let start = clock.now.addingTimeInterval(hours * 3600)
    return [
      "tutorId": "tutor-123", "subject": "Math", "startTime": start.formatted(.iso8601),
      "endTime": start.addingTimeInterval(length * 3600).formatted(.iso8601),
    ]
  }

  /// Books a lesson, and returns its id.
  func book(inHours hours: Double = 48, as student: String = "student-1") async throws -> String {
    let answer = try await send(.post, "/bookings", lesson(inHours: hours), as: student)
    #expect(answer.status == .created, "\(answer.message)")
    return answer.text("bookingId")
  }

  /// Pays for it, and returns the payment's id.
  func pay(_ booking: String, as student: String = "student-1") async throws -> String {
    let answer = try await send(.post, "/payments", ["bookingId": booking], as: student)
    #expect(answer.status == .created, "\(answer.message)")
    return answer.text("paymentId")
  }
}

/// Keeps mails, and fails as often as it is told.
final class RecordingMailer: Mailer {
  private struct State {
    var mails: [Mail] = []
    var errors: [MailError] = []
  }
  private let state = Mutex(State())

  var mails: [Mail] { state.withLock { $0.mails } }
  func fail(_ error: MailError, times: Int = 1) {
    state.withLock { $0.errors += Array(repeating: error, count: times) }
  }

  func send(_ mail: Mail) async throws(MailError) {
    let error = state.withLock { state -> MailError? in
      if !state.errors.isEmpty { return state.errors.removeFirst() }
      state.mails.append(mail)
      return nil
    }
    if let error { throw error }
  }
}
