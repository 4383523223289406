public import Foundation

/// Why a message was parked.
public struct DeadLetterReason: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The kinds of reasons. An engine stores the raw value.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// Every try that its retry policy allows has failed.
    case exhausted
    /// The handler, or the policy for the error that it threw, asked for it.
    case rejected
    /// Its body is not what its name says.
    case undecodable
    /// A job that no handler of this worker takes.
    case unknownName = "unknown-name"
    /// An event that a binding let in and no handler takes.
    case unhandled
    /// It was not handled before its time to live was over.
    case expired
    /// Again and again the worker that handled it died.
    case crashLooping = "crash-looping"
  }
  /// What kind of reason.
  public var kind: Kind
  /// The particulars, for a person, cut to ``Failure/messageLimit`` bytes.
  public var detail: String

  /// A reason.
  public init(_ kind: Kind, _ detail: String = "") {
    self.kind = kind
    self.detail = detail.cut(toUTF8: Failure.messageLimit)
  }
  /// `exhausted: MailError: connection refused`.
  public var description: String { detail.isEmpty ? kind.rawValue : "\(kind.rawValue): \(detail)" }
}

/// A message that gave up, with its error, history and origin.
public struct DeadLetter: Sendable, Equatable {
  /// The message as it was when it gave up.
  public var message: Message
  /// The queue in which it lies.
  public var queue: QueueName
  /// The queue that gave up on it, to which a replay sends it back.
  public var origin: QueueName
  /// The exchange that brought it to ``origin``; `nil` when it was put there directly.
  public var exchange: ExchangeName?
  /// The routing key that it was published with.
  public var routingKey: RoutingKey
  /// Why.
  public var reason: DeadLetterReason
  /// When.
  public var time: Date
  /// What it had been through.
  public var history: History

  /// A dead letter; engines make them.
  public init(
    message: Message, queue: QueueName, origin: QueueName, exchange: ExchangeName?, routingKey: RoutingKey,
    reason: DeadLetterReason, time: Date, history: History
  ) {
    self.message = message
    self.queue = queue
    self.origin = origin
    self.exchange = exchange
    self.routingKey = routingKey
    self.reason = reason
    self.time = time
    self.history = history
  }
}
