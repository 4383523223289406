import Foundation
import Warren
import WarrenSQLite

/// A broker file of a test's own, with a small system in it: an exchange `books` that feeds the queue `audit`, and the
/// queue `mail` of jobs.
final class SeededBroker: Sendable {
  let directory: URL
  var path: String { directory.appendingPathComponent("broker.db").path }
  var address: String { "sqlite:\(path)" }

  init() async throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("warren-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try await open { broker in
      try await broker.apply(
        try Topology(
          exchanges: ["books"], queues: ["audit", "mail"], bindings: [Binding("audit", to: "books", key: "book.*")]))
    }
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  /// Does something with the broker, in this process.
  func open<Result: Sendable>(_ body: @Sendable (SQLiteBroker) async throws -> Result) async throws -> Result {
    try await SQLiteBroker(path: path).withBroker { try await body($0) }
  }

  /// Enqueues jobs `email.send` with these ids and bodies.
  func enqueue(_ ids: [MessageID], body: String = #"{"to":"ann@example.org"}"#, headers: Message.Headers = [:])
    async throws
  {
    try await open { broker in
      _ = try await broker.publish(
        ids.map { id in
          Publication(
            Message(
              id: id, name: "email.send", body: Data(body.utf8), headers: headers, timestamp: Date(), source: "test"),
            to: .queue("mail"))
        })
    }
  }

  /// Enqueues such jobs and lets them give up after three attempts.
  func park(
    _ ids: [MessageID], body: String = #"{"to":"ann@example.org"}"#, headers: Message.Headers = [:],
    message: String = "refused by mx1"
  )
    async throws
  {
    try await enqueue(ids, body: body, headers: headers)
    try await open { broker in
      try await broker.consume("mail", prefetch: ids.count) { consumer in
        for _ in ids {
          guard let delivery = await consumer.next() else { return }
          var history = History()
          for attempt in 1...3 {
            history.attempts = attempt
            history.note(
              Failure(time: Date(), attempt: attempt, error: "MailError", message: message, worker: "test:1"))
          }
          _ = try await broker.settle(
            delivery, as: .deadLetter(DeadLetterReason(.exhausted, "MailError: \(message)"), history))
        }
      }
    }
  }

  /// How many messages are ready in a queue.
  func ready(_ queue: QueueName) async throws -> Int {
    try await open { broker in try await broker.queues().first { $0.name == queue }?.ready ?? -1 }
  }

  /// What lies in the queue `mail`; all of it goes back.
  func messages(_ count: Int) async throws -> [Delivery] {
    try await open { broker in
      try await broker.consume("mail", prefetch: count) { consumer in
        var deliveries: [Delivery] = []
        for _ in 0..<count { if let delivery = await consumer.next() { deliveries.append(delivery) } }
        return deliveries
      }
    }
  }

  func run(_ arguments: String..., input: String = "") async throws -> CommandRun {
    try await warren(["--broker", address] + arguments, input: input)
  }

  func onTerminal(
    _ arguments: String..., typing answers: [(prompt: String, answer: String)] = [], environment: [String: String] = [:]
  ) async throws -> (status: Int32, screen: String) {
    try await warrenOnTerminal(["--broker", address] + arguments, typing: answers, environment: environment)
  }
}
