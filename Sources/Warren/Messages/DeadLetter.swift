public import Foundation

/// Why a message was parked.
public struct DeadLetterReason: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The kinds of reasons. An engine stores the raw value. More may come: a `switch` over them needs a `default`.
  public struct Kind: RawRepresentable, Hashable, Codable, Sendable, CaseIterable, CustomStringConvertible {
    /// The text.
    public let rawValue: String
    /// A kind by its text, also one that this version does not know.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The text.
    public var description: String { rawValue }

    /// Every try that its retry policy allows has failed.
    public static let exhausted = Kind(rawValue: "exhausted")
    /// The handler, or the policy for the error that it threw, asked for it.
    public static let rejected = Kind(rawValue: "rejected")
    /// Its body is not what its name says.
    public static let undecodable = Kind(rawValue: "undecodable")
    /// A job that no handler of this worker takes.
    public static let unknownName = Kind(rawValue: "unknown-name")
    /// An event that a binding let in and no handler takes.
    public static let unhandled = Kind(rawValue: "unhandled")
    /// It was not handled before its time to live was over.
    public static let expired = Kind(rawValue: "expired")
    /// Again and again the worker that handled it died.
    public static let crashLooping = Kind(rawValue: "crash-looping")
    /// Its handler was asked to end, and did.
    public static let cancelled = Kind(rawValue: "cancelled")
    /// Those that this version knows.
    public static let allCases: [Kind] = [
      .exhausted, .rejected, .undecodable, .unknownName, .unhandled, .expired, .crashLooping, .cancelled,
    ]
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
  /// What tells this one from every other dead letter, also from one with the same id or without any: `@` and some characters. It
  /// is the same at each look, and selects as an id does; `nil` where the engine has none.
  public var address: MessageID?

  /// A dead letter; engines make them.
  public init(
    message: Message, queue: QueueName, origin: QueueName, exchange: ExchangeName?, routingKey: RoutingKey,
    reason: DeadLetterReason, time: Date, history: History, address: MessageID? = nil
  ) {
    self.message = message
    self.queue = queue
    self.origin = origin
    self.exchange = exchange
    self.routingKey = routingKey
    self.reason = reason
    self.time = time
    self.history = history
    self.address = address
  }
}
