internal import AMQP
internal import Logging
internal import Warren

/// The connections of a running broker. One publishes and the other does all else: a broker that is short of memory stops
/// reading from connections that publish, and acknowledgements must not stand in that line.
struct Session: Sendable {
  let server: Server
  let publishing: AMQPConnection
  /// Consumes, declares, inspects.
  let consuming: AMQPConnection
  /// For what the application publishes.
  let publishes: AMQPChannel
  /// For copies that Warren makes. A copy into a bucket that somebody deleted closes its channel; the application's
  /// messages must not be on it.
  let copies: AMQPChannel

  /// Runs `body` on a channel of its own, which an error of the broker may close.
  func declaring<Result: Sendable>(
    _ doing: @autoclosure () -> String, _ body: @Sendable (AMQPChannel) async throws -> Result
  ) async throws(BrokerError) -> Result {
    try await asBrokerError(doing()) {
      try await consuming.withChannel(AMQPChannelOptions(reopens: false)) { try await body($0) }
    }
  }

  /// Whether a queue exists, and what is in it.
  func info(_ queue: QueueName) async throws(BrokerError) -> AMQPQueueInfo? {
    try await info(queue.rawValue)
  }

  func info(_ queue: String) async throws(BrokerError) -> AMQPQueueInfo? {
    do {
      return try await declaring("looking at the queue '\(queue)'") { try await $0.queueInfo(queue) }
    } catch  where error.code == .notFound { return nil }
  }

  /// Whether an exchange exists.
  func hasExchange(_ name: String) async throws(BrokerError) -> Bool {
    do {
      try await declaring("looking at the exchange '\(name)'") { try await $0.checkExchange(name) }
      return true
    } catch  where error.code == .notFound { return false }
  }
}
