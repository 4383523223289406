public import Foundation

/// Which messages are looked for: every condition must hold. Engines that can look at less evaluate some of them in their
/// own way, with the same result.
public struct MessageFilter: Sendable, Hashable, Codable {
  /// What must hold.
  public var conditions: [MessageCondition]

  /// A filter; without conditions it finds everything.
  public init(_ conditions: [MessageCondition] = []) { self.conditions = conditions }

  /// Whether it finds everything.
  public var isEmpty: Bool { conditions.isEmpty }

  /// Whether bodies have to be read for it.
  public var needsBodies: Bool { conditions.contains(where: \.needsBody) }

  /// The queues of which a message must be for any to be found; `nil` when it may be of any queue.
  package var queues: [QueueName]? {
    for condition in conditions where condition.field == .queue && !condition.isNegated {
      if case .equals(let names) = condition.test { return names.map { QueueName($0) } }
    }
    return nil
  }

  /// Whether a dead letter is found.
  public func matches(_ letter: DeadLetter) -> Bool { isEmpty || matches(SearchedMessage(letter)) }

  /// Whether a message is found.
  public func matches(_ message: SearchedMessage) -> Bool {
    // What is quick to look at decides first: the body is read, and unpacked, only if it must be, and then once.
    var body = SearchedBody(message.message)
    return conditions.allSatisfy { $0.needsBody || message.fulfils($0, &body) }
      && conditions.allSatisfy { !$0.needsBody || message.fulfils($0, &body) }
  }
}

/// What a ``MessageFilter`` looks at in a message.
public struct SearchedMessage: Sendable {
  /// The message.
  public var message: Message
  /// The queue that it lies in.
  public var queue: QueueName
  /// Of a dead letter, the queue that gave up on it.
  public var origin: QueueName?
  /// The routing key that it was published with.
  public var routingKey: RoutingKey?
  /// Of a dead letter, why.
  public var reason: DeadLetterReason?
  /// When it was parked; of a message that waits, when it was published.
  public var time: Date?
  /// What it has been through.
  public var history: History

  /// A message that waits in a queue.
  public init(_ message: Message, in queue: QueueName, routingKey: RoutingKey? = nil, history: History = History()) {
    self.message = message
    self.queue = queue
    self.routingKey = routingKey
    time = message.timestamp
    self.history = history
  }

  /// A dead letter.
  public init(_ letter: DeadLetter) {
    message = letter.message
    queue = letter.queue
    origin = letter.origin
    routingKey = letter.routingKey
    reason = letter.reason
    time = letter.time
    history = letter.history
  }

  fileprivate func fulfils(_ condition: MessageCondition, _ body: inout SearchedBody) -> Bool {
    holds(condition.field, condition.test, &body) != condition.isNegated
  }

  private func holds(
    _ field: MessageCondition.Field, _ test: MessageCondition.Test, _ body: inout SearchedBody
  ) -> Bool {
    switch field {
    case .queue: return test.holds(for: queue.rawValue) || origin.map { test.holds(for: $0.rawValue) } == true
    case .origin: return test.holds(for: (origin ?? queue).rawValue)
    case .name: return test.holds(for: message.name?.rawValue ?? "")
    case .id: return test.holds(for: message.id?.rawValue ?? "")
    case .reason: return test.holds(for: reason?.kind.rawValue ?? "")
    case .error: return errors.contains(where: test.holds)
    case .source: return test.holds(for: message.source ?? "")
    case .key: return test.holds(for: routingKey?.rawValue ?? "")
    case .correlation: return test.holds(for: message.correlationID ?? "")
    case .attempts: return test.holds(for: "\(history.attempts)")
    case .replays: return test.holds(for: "\(history.replays)")
    case .time: return time.map { test.holds(for: "\($0.wholeMilliseconds)") } ?? false
    case .header(let name): return test.holds(for: message.headers[name] ?? "")
    case .data(let path): return body.value(at: path).map { test.holds(for: $0) } ?? test.holds(for: "")
    case .text: return isText(test, &body)
    }
  }

  /// Why it was parked, and what its last failures say. At least one text, so that what is missing is an empty one.
  private var errors: [String] {
    let errors = history.failures.map { "\($0.error): \($0.message)" } + (reason.map { [$0.description] } ?? [])
    return errors.isEmpty ? [""] : errors
  }

  private func isText(_ test: MessageCondition.Test, _ body: inout SearchedBody) -> Bool {
    let texts =
      [message.id?.rawValue, message.name?.rawValue].compactMap { $0 } + errors
      + message.headers.map { "\($0.key): \($0.value)" }
    if texts.contains(where: test.holds) { return true }
    if case .contains(let part) = test { return TextSearch(part).isIn(body.bytes) }
    return test.holds(for: String(decoding: body.bytes, as: UTF8.self))
  }
}
