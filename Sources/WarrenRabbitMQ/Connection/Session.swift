internal import AMQP
internal import Logging
internal import Warren

/// The connections of a running broker. One publishes and the other does all else: a broker that is short of memory stops
/// reading from connections that publish, and acknowledgements must not stand in that line.
///
/// One object, as every part of the engine holds it, and a part may be copied for each message.
final class Session: Sendable {
  let server: Server
  let publishing: AMQPConnection
  /// Consumes, declares, inspects.
  let consuming: AMQPConnection
  /// For what the application publishes.
  let applicationChannel: AMQPChannel
  /// For copies that Warren makes. A copy into a bucket that was deleted closes its channel; the application's messages must
  /// not be on it.
  let copyChannel: AMQPChannel
  let management: ManagementAPI
  let configuration: RabbitMQConfiguration
  let clock: any BrokerClock
  let logger: Logger

  init(
    server: Server, publishing: AMQPConnection, consuming: AMQPConnection, applicationChannel: AMQPChannel,
    copyChannel: AMQPChannel, management: ManagementAPI, configuration: RabbitMQConfiguration,
    clock: any BrokerClock, logger: Logger
  ) {
    self.server = server
    self.publishing = publishing
    self.consuming = consuming
    self.applicationChannel = applicationChannel
    self.copyChannel = copyChannel
    self.management = management
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
  }

  /// Whether the consuming connection answers now.
  var isReachable: Bool {
    switch consuming.state {
    case .open, .blocked: true
    default: false
    }
  }

  /// Runs `body` on a channel of its own, which an error of the broker may close.
  func onThrowawayChannel<Result: Sendable>(
    _ doing: @autoclosure () -> String, _ body: @Sendable (AMQPChannel) async throws -> Result
  ) async throws(BrokerError) -> Result {
    try await asBrokerError(doing()) {
      try await consuming.withChannel(AMQPChannelOptions(reopens: false)) { try await body($0) }
    }
  }

  /// Runs `body` on a connection of its own, for a call to which RabbitMQ may answer by closing the whole connection: the
  /// workers on the other one would lose their deliveries.
  func onThrowawayConnection<Result: Sendable>(
    _ doing: @autoclosure () -> String, _ body: @Sendable (AMQPChannel) async throws -> Result
  ) async throws(BrokerError) -> Result {
    var once = consuming.configuration
    once.recovery = .none
    return try await asBrokerError(doing()) {
      try await AMQPConnection.withConnection(once) { connection in
        try await connection.withChannel { try await body($0) }
      }
    }
  }

  /// Publishes on a channel. What is refused there is tried once more on a new one, where a channel can go on refusing for a queue
  /// that has room again; but not events, of which other queues would have two.
  func publish(
    _ messages: [AMQPMessage], on channel: AMQPChannel, timeout: Duration, haveEvents: Bool = false
  ) async -> [AMQPPublishResult] {
    var results = await channel.publish(messages, timeout: timeout)
    if !server.remembersRefusals { return results }
    let refused = results.indices.filter {
      results[$0].isNacked && (!haveEvents || messages[$0].exchange.isEmpty)
    }
    if refused.isEmpty { return results }
    let again = try? await publishing.withChannel(AMQPChannelOptions(reopens: false)) { channel in
      await channel.publish(refused.map { messages[$0] }, timeout: timeout)
    }
    for (index, result) in zip(refused, again ?? []) { results[index] = result }
    return results
  }

  /// Whether a queue exists, and what is in it.
  func info(_ queue: QueueName) async throws(BrokerError) -> AMQPQueueInfo? {
    try await info(queue.rawValue)
  }

  func info(_ queue: String) async throws(BrokerError) -> AMQPQueueInfo? {
    do {
      return try await onThrowawayChannel("looking at the queue '\(queue)'") { try await $0.queueInfo(queue) }
    } catch  where error.code == .notFound { return nil }
  }

  /// What is in queues of which most exist: on one channel, without waiting for each answer. One that is missing closes the
  /// channel, which RabbitMQ logs as an error, and its neighbours are asked again.
  func infos(of names: [String]) async throws(BrokerError) -> [String: AMQPQueueInfo] {
    if names.isEmpty { return [:] }
    return try await asBrokerError("looking at the queues") {
      try await consuming.withChannel { channel in
        var infos: [String: AMQPQueueInfo] = [:]
        for begin in stride(from: 0, to: names.count, by: 50) {
          let portion = names[begin..<min(begin + 50, names.count)]
          try await withThrowingTaskGroup(of: (String, AMQPQueueInfo?).self) { group in
            for name in portion { group.addTask { (name, try await Self.info(name, channel)) } }
            for try await (name, info) in group { infos[name] = info }
          }
        }
        return infos
      }
    }
  }

  private static func info(_ name: String, _ channel: AMQPChannel) async throws(AMQPError) -> AMQPQueueInfo? {
    while true {
      do { return try await channel.queueInfo(name) } catch {
        if error.replyCode != 404 { throw error }
        // Of a neighbour on the channel, perhaps.
        let isAboutThis = error.replyText?.contains("'\(name)'") ?? true
        if isAboutThis, error.saysThatNothingIsThere { return nil }
        if isAboutThis { throw error }
      }
    }
  }

  /// Whether an exchange exists.
  func hasExchange(_ name: String) async throws(BrokerError) -> Bool {
    do {
      try await onThrowawayChannel("looking at the exchange '\(name)'") { try await $0.checkExchange(name) }
      return true
    } catch  where error.code == .notFound { return false }
  }

  /// Whether a queue is there, as far as this user may know: from 4.3 on a look needs some right on what is looked at.
  func mayBeThere(_ queue: QueueName) async throws(BrokerError) -> Bool {
    do { return try await info(queue) != nil } catch  where error.isAboutRights { return true }
  }

  /// The same of an exchange.
  func mayBeThere(_ exchange: ExchangeName) async throws(BrokerError) -> Bool {
    do { return try await hasExchange(exchange.rawValue) } catch  where error.isAboutRights { return true }
  }

  /// The error for what AMQP cannot tell and the management API does not.
  func unlisted(_ what: String) -> BrokerError {
    BrokerError(
      .unsupported,
      "\(what): AMQP cannot do that, and the management API \(management.failure). Enable the plugin rabbitmq_management, or "
        + "say where it is: amqp://…?management=http://HOST:15672")
  }
}

extension AMQPPublishResult {
  fileprivate var isNacked: Bool { if case .nacked = self { true } else { false } }
}
