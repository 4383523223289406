/// What went wrong in the AMQP client, and what can be done about it.
///
/// `description` never contains a message's body, its headers or a password. It may contain names of exchanges, queues and
/// hosts, because without them an error cannot be acted on.
public struct AMQPError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kind of failure. Compare with `==`; new kinds may be added in later versions.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    enum Base: String, Sendable {
      case invalidURI, invalidArgument, invalidConfiguration
      case connectFailed, tlsFailed, versionMismatch, handshakeFailed, authenticationFailed, virtualHostRefused
      case protocolViolation, connectionClosedByServer, connectionLost, heartbeatTimeout, connectionClosed
      case channelClosedByServer, channelClosed, noFreeChannel, replyTimeout, notRunning
      case messageTooLarge, unroutable, nacked, unknownOutcome, publishTimeout, consumerCancelled, cancelled
    }

    let base: Base

    init(_ base: Base) { self.base = base }

    /// The URI does not follow RabbitMQ's URI specification.
    public static let invalidURI = Code(.invalidURI)
    /// An argument cannot be put on the wire, such as a name of more than 255 bytes. Nothing was sent.
    public static let invalidArgument = Code(.invalidArgument)
    /// The configuration contradicts itself or names files that cannot be read.
    public static let invalidConfiguration = Code(.invalidConfiguration)
    /// No endpoint could be reached.
    public static let connectFailed = Code(.connectFailed)
    /// The TLS handshake failed or the certificate was not accepted.
    public static let tlsFailed = Code(.tlsFailed)
    /// The peer does not speak AMQP 0-9-1.
    public static let versionMismatch = Code(.versionMismatch)
    /// The peer ended the connection before it was open.
    public static let handshakeFailed = Code(.handshakeFailed)
    /// The broker refused the credentials, or could not check them.
    public static let authenticationFailed = Code(.authenticationFailed)
    /// The virtual host does not exist or the user may not use it.
    public static let virtualHostRefused = Code(.virtualHostRefused)
    /// The peer sent something that AMQP 0-9-1 does not allow.
    public static let protocolViolation = Code(.protocolViolation)
    /// The broker closed the connection and said why: see `replyCode` and `replyText`.
    public static let connectionClosedByServer = Code(.connectionClosedByServer)
    /// The socket ended without a close handshake.
    public static let connectionLost = Code(.connectionLost)
    /// The broker was silent for two heartbeat intervals.
    public static let heartbeatTimeout = Code(.heartbeatTimeout)
    /// This side closed the connection.
    public static let connectionClosed = Code(.connectionClosed)
    /// The broker closed the channel and said why: see `replyCode` and `replyText`.
    public static let channelClosedByServer = Code(.channelClosedByServer)
    /// This side closed the channel.
    public static let channelClosed = Code(.channelClosed)
    /// All channel numbers that the broker allows are in use.
    public static let noFreeChannel = Code(.noFreeChannel)
    /// The broker did not answer a request in time.
    public static let replyTimeout = Code(.replyTimeout)
    /// The connection's `run()` is not running.
    public static let notRunning = Code(.notRunning)
    /// The message is larger than the configured limit, or its properties do not fit into one frame. Nothing was sent.
    public static let messageTooLarge = Code(.messageTooLarge)
    /// The broker took the message and routed it to no queue.
    public static let unroutable = Code(.unroutable)
    /// The broker refused the message, for instance because a queue is full.
    public static let nacked = Code(.nacked)
    /// The message was sent and its confirmation cannot arrive any more. It may or may not be stored.
    public static let unknownOutcome = Code(.unknownOutcome)
    /// The message was not sent within its time limit: it is not stored.
    public static let publishTimeout = Code(.publishTimeout)
    /// The broker cancelled the consumer, for instance because its queue was deleted.
    public static let consumerCancelled = Code(.consumerCancelled)
    /// The task that waited was cancelled. What was already sent stays sent.
    public static let cancelled = Code(.cancelled)

    /// What it is in words, without secrets.
    public var description: String { base.rawValue }
  }

  /// The kind of failure.
  public var code: Code { values.code }
  /// What happened and what to do next, in a sentence or two.
  public var message: String { values.message }
  /// The AMQP reply code, such as 404 or 406, when the broker gave one.
  public var replyCode: UInt16? { values.replyCode }
  /// The broker's own words, when it gave any.
  public var replyText: String? { values.replyText }
  /// The error below this one, if there is one.
  public var underlying: (any Error)? { values.underlying }
  /// Whether the same call can succeed later without anything being corrected.
  public var isRetryable: Bool { values.isRetryable }

  private struct Values: Sendable {
    let code: Code
    let message: String
    let replyCode: UInt16?
    let replyText: String?
    let underlying: (any Error)?
    let isRetryable: Bool
  }

  /// One reference, as every result of a publish has room for an error.
  private let storage: Storage
  private var values: Values { storage.values }

  private final class Storage: Sendable {
    let values: Values
    init(_ values: Values) { self.values = values }
  }

  /// Makes an error. The library makes its own; this is for tests and for layers above.
  public init(
    _ code: Code, _ message: String, replyCode: UInt16? = nil, replyText: String? = nil, underlying: (any Error)? = nil,
    isRetryable: Bool? = nil
  ) {
    storage = Storage(
      Values(
        code: code, message: message, replyCode: replyCode, replyText: replyText, underlying: underlying,
        isRetryable: isRetryable ?? Self.canRetry(code, replyCode: replyCode)))
  }

  /// What it is in words, without secrets.
  public var description: String {
    var text = "AMQP \(code): \(message)"
    if let replyCode { text += " [\(replyCode)\(replyText.map { " \($0)" } ?? "")]" }
    if let underlying { text += " (\(underlying))" }
    return text
  }

  /// Whether two errors are equal in all but their underlying errors.
  public static func == (a: AMQPError, b: AMQPError) -> Bool {
    a.code == b.code && a.replyCode == b.replyCode && a.replyText == b.replyText && a.message == b.message
      && a.isRetryable == b.isRetryable
  }

  /// What the code alone says about trying again.
  private static func canRetry(_ code: Code, replyCode: UInt16?) -> Bool {
    switch code.base {
    case .connectFailed, .connectionLost, .heartbeatTimeout, .replyTimeout, .nacked, .unknownOutcome, .publishTimeout,
      .handshakeFailed, .noFreeChannel:
      true
    case .connectionClosedByServer:
      // Forced closes, internal errors and resource errors pass; a protocol error of ours or a refusal does not.
      replyCode.map { [320, 506, 541].contains($0) } ?? true
    case .channelClosedByServer:
      // 405: an exclusive queue of the connection before may linger for a moment.
      replyCode == 405
    default: false
    }
  }

  /// The same failure as it looks to the caller whose message was already on the wire.
  func asUnknownOutcome() -> AMQPError {
    AMQPError(
      .unknownOutcome,
      "The message was sent, but its confirmation cannot arrive any more: it may be stored or not. "
        + "Publish it again with the same message id and let consumers drop the duplicate.",
      replyCode: replyCode, replyText: replyText, underlying: self)
  }
}
