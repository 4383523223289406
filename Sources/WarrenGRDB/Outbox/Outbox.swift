public import Foundation
public import GRDB
public import Warren

/// Publishes messages together with the application's own data: both are committed, or neither is.
///
/// ```swift
/// let outbox = Outbox(database, MessageComposer(source: "bookings", exchange: .topic("tutorgo_events")))
///
/// try await database.write { db in
///   try booking.insert(db)
///   try outbox.publish(BookingCreated(bookingID: booking.id), in: db)
/// }
/// ```
/// What is committed is carried to the broker by an ``OutboxRelay``, soon, in the order of the commits, at least once, and
/// with the id that it has here, whatever crashes. The tables come with `registerWarrenTables()`.
public struct Outbox: Sendable {
  /// The application's database.
  public let database: any DatabaseWriter
  /// What makes the messages.
  public let composer: MessageComposer
  let clock: any BrokerClock
  let wake: OutboxWake

  /// An outbox in the application's database.
  ///
  /// - Parameters:
  ///   - composer: what makes the messages.
  ///   - clock: what the age of waiting messages is measured by.
  public init(
    _ database: any DatabaseWriter, _ composer: MessageComposer, clock: any BrokerClock = SystemClock()
  ) {
    self.database = database
    self.composer = composer
    self.clock = clock
    wake = OutboxWake(database: database.path)
  }

  /// The same outbox for another exchange, and a codec for it.
  public func on(_ exchange: Exchange, codec: (any MessageCodec)? = nil) -> Outbox {
    Outbox(self, composer.on(exchange, codec: codec))
  }

  private init(_ other: Outbox, _ composer: MessageComposer) {
    database = other.database
    clock = other.clock
    wake = other.wake
    self.composer = composer
  }

  /// Publishes an event when the transaction of `db` is committed. Parameters and errors are those of
  /// ``Warren/EventBus/publish(_:id:key:priority:timeToLive:headers:)``.
  ///
  /// - Parameter order: events with the same order key are published one after the other, in the order of the commits, even
  ///   where one of them has to be tried again.
  /// - Returns: the id of the message.
  @discardableResult
  public func publish<E: EventMessage>(
    _ event: E, id: MessageID? = nil, key: RoutingKey? = nil, priority: Priority? = nil, timeToLive: Duration? = nil,
    headers: Message.Headers = [:], orderedBy order: String? = nil, in db: Database
  ) throws -> MessageID {
    let publication = try composer.publication(
      of: event, id: id, key: key, priority: priority, timeToLive: timeToLive, headers: headers)
    return try add(publication, orderedBy: order, in: db)
  }

  /// Enqueues a job when the transaction of `db` is committed. Parameters and errors are those of
  /// ``Warren/EventBus/enqueue(_:id:unique:after:at:priority:timeToLive:headers:)``; a delay begins now, not at the commit.
  ///
  /// - Parameter order: jobs with the same order key are published one after the other, in the order of the commits.
  /// - Returns: the id of the message.
  @discardableResult
  public func enqueue<J: JobMessage>(
    _ job: J, id: MessageID? = nil, unique: Uniqueness? = nil, after delay: Duration? = nil, at time: Date? = nil,
    priority: Priority? = nil, timeToLive: Duration? = nil, headers: Message.Headers = [:],
    orderedBy order: String? = nil, in db: Database
  ) throws -> MessageID {
    let request = JobRequest(
      job, id: id, unique: unique, after: delay, at: time, priority: priority, timeToLive: timeToLive, headers: headers)
    return try add(composer.publication(of: request), orderedBy: order, in: db)
  }

  /// Publishes a message that was made elsewhere when the transaction of `db` is committed. One without an id gets one.
  @discardableResult
  public func add(_ publication: Publication, orderedBy order: String? = nil, in db: Database) throws -> MessageID {
    // What no engine can carry fails here, where the caller can still do something about it.
    try publication.validate(uniqueness: [.keep, .replace, .debounce])
    if let order, order.utf8.count > 255 {
      throw BrokerError(.invalid, "an order key has \(order.utf8.count) bytes: at most 255 are possible")
    }
    let id = publication.message.id ?? .unique()
    do {
      try OutboxRow.insert(publication, id: id, orderKey: order, at: clock.now, db)
    } catch let error as DatabaseError where error.message?.contains("no such table") == true {
      try Tables.check(Tables.outbox, db)
      throw error
    }
    wake.signalAfterCommit(of: db)
    return id
  }
}

extension Outbox: CustomStringConvertible, CustomReflectable {
  /// `outbox of 'bookings'`.
  public var description: String { "outbox of '\(composer.source)'" }
  /// Its source.
  public var customMirror: Mirror { Mirror(self, children: ["source": composer.source]) }
}
