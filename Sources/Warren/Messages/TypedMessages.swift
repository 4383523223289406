/// What events and jobs have in common: a Codable value with a name.
public protocol TypedMessage: Codable, Sendable {
  /// What the message is called on the wire, such as `booking.created`. It outlives the Swift type's own name.
  static var name: MessageName { get }
  /// Which of the waiting messages goes first; by default ``Priority/normal``.
  static var priority: Priority { get }
  /// How long after publishing a message of this type is still worth handling; by default
  /// `nil`, for ever. What is older is parked with the reason `expired`.
  static var timeToLive: Duration? { get }
  /// Whether large bodies of this type are packed; by default `nil`, as the bus or composer says, which by default packs none.
  static var compression: Compression? { get }
}

extension TypedMessage {
  /// ``Priority/normal``.
  public static var priority: Priority { .normal }
  /// For ever.
  public static var timeToLive: Duration? { nil }
  /// As the bus or composer says.
  public static var compression: Compression? { nil }
}

/// A fact, named in the past tense: any number of queues receive it.
///
/// ```swift
/// struct BookingCreated: EventMessage {
///   static let name: MessageName = "booking.created"
///   var bookingID: String
/// }
/// ```
public protocol EventMessage: TypedMessage {
  /// By what the exchange routes this event: by default its name. A type that has a key of its own for each event says with
  /// ``routingPattern`` what these keys look like.
  var routingKey: RoutingKey { get }
  /// What the routing keys of events of this type look like, as in a binding: by default the type's name.
  ///
  /// A ``Worker`` refuses a ``Subscription`` that would never get the events which its handlers are for, and goes by this.
  /// State it where ``routingKey`` is not the name, or where another system publishes these events with other keys.
  static var routingPattern: RoutingKey { get }
}

extension EventMessage {
  /// The event's name.
  public var routingKey: RoutingKey { RoutingKey(Self.name.rawValue) }
  /// The event's name.
  public static var routingPattern: RoutingKey { RoutingKey(name.rawValue) }
}

/// A task for exactly one queue.
///
/// ```swift
/// struct SendEmail: JobMessage {
///   static let name: MessageName = "email.send"
///   static let queue: Queue = "email_queue"
///   static let retry: RetryPolicy = .exponential(from: .seconds(1), retries: 3)
///   var to: String
/// }
/// ```
public protocol JobMessage: TypedMessage {
  /// The queue that holds jobs of this type.
  static var queue: Queue { get }
  /// When a failed job of this type is tried again; by default ``RetryPolicy/standard``.
  static var retry: RetryPolicy { get }
  /// How jobs of this type are written; by default by ``EnvelopeCodec``.
  static var codec: any MessageCodec { get }
}

extension JobMessage {
  /// ``RetryPolicy/standard``.
  public static var retry: RetryPolicy { .standard }
  /// ``EnvelopeCodec``.
  public static var codec: any MessageCodec { .envelope }
}

extension Topology {
  /// A topology with the queues of these types of jobs. Dead-letter exchanges, queues and bindings need not be listed:
  /// they are added.
  public init(
    exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = [], jobs: [any JobMessage.Type]
  ) throws(BrokerError) {
    try self.init(exchanges: exchanges, queues: queues + jobs.map { $0.queue }, bindings: bindings)
  }
}
