internal import Foundation
public import Warren

/// What an operator does with a broker, without a page and without a terminal: the command line and any dashboard are built
/// on it.
///
/// What a broker cannot do is a ``Warren/BrokerError/Code/unsupported`` that says so; nothing here ever prints or logs.
///
/// ```swift
/// let operations = Operations(broker)
/// let survey = try await operations.survey(DeadLetterSelection(queue: "email.dlq", limit: .max))
/// let report = try await operations.replay(survey)
/// ```
public struct Operations: Sendable {
  /// The broker that is operated. The application runs it.
  public let broker: any Broker
  /// What is hidden in the messages that are shown.
  public let mask: Mask
  let store: (any StateStore)?
  let outbox: (any OperableOutbox)?
  /// Who acts, as the audit log has it.
  public var actor: String
  /// Who goes on with a bulk operation that is begun here, when this process has died; a person by default.
  public var succession = BulkOperation.Succession.byHand
  let clock: any BrokerClock
  let log: (any AuditLog)?
  let samples: (any SampleStore)?
  /// Told of each dead letter that is read when many are: how many more.
  package var onRead: (@Sendable (Int) -> Void)?

  /// Operations on a broker.
  ///
  /// What changes something is written to the audit log before it is done, and is not done when it cannot be written there.
  /// Without a log of its own, as RabbitMQ has none, and without one that is given, nothing is written.
  ///
  /// - Parameters:
  ///   - store: where schedules, open breakers and the keys of unique jobs are kept; the broker itself by default, where it can.
  ///   - clock: what times are compared with; the broker's own by default.
  ///   - actor: who acts; by default this process's user and host.
  ///   - audit: where it is written who did what; by default the engine's own log, where it has one.
  ///   - outbox: the outbox of the application, where it has one and it is to be operated, too.
  ///   - samples: where samples of the queues are kept for a day; the engine itself by default, where it can.
  public init(
    _ broker: any Broker, mask: Mask = .standard, store: (any StateStore)? = nil, clock: (any BrokerClock)? = nil,
    actor: String? = nil, audit: (any AuditLog)? = nil, outbox: (any OperableOutbox)? = nil,
    samples: (any SampleStore)? = nil
  ) {
    self.broker = broker
    self.mask = mask
    self.store = store ?? broker as? any StateStore
    self.outbox = outbox
    self.clock = clock ?? broker.clock
    self.actor = actor ?? Self.thisUser
    log = audit ?? broker as? any AuditLog
    self.samples = samples ?? broker as? any SampleStore
  }

  /// This process's user and host.
  static var thisUser: String { "\(ProcessInfo.processInfo.userName)@\(ProcessInfo.processInfo.hostName)" }

  /// The schedules in the store.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when no store was given and the engine is none.
  public var schedules: Schedules {
    get throws(BrokerError) {
      if let store { return Schedules(store, clock: clock) }
      throw BrokerError(
        .unsupported,
        "the engine \(broker.capabilities.engine) holds no schedules: name the store that the scheduler has, such as the "
          + "application's database")
    }
  }

  /// The circuit breakers in the store.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when no store was given and the engine is none.
  public var breakers: Breakers {
    get throws(BrokerError) {
      if let store { return Breakers(store, clock: clock) }
      throw BrokerError(
        .unsupported,
        "the engine \(broker.capabilities.engine) does not tell of breakers: name the store that the workers have, such as the "
          + "application's database")
    }
  }

  /// The keys of unique jobs that are enqueued or deleted here; `nil` where the engine keeps them.
  var operatedKeys: OperatedKeys? { OperatedKeys(broker, store: store, clock: clock) }

  /// This process, as bulk operations have it.
  var runner: String { "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier):\(token)" }
  /// Tells two that run in one process apart.
  private let token = MessageID.unique().rawValue.suffix(6)

  var inspectable: any InspectableBroker {
    get throws(BrokerError) {
      guard let able = broker as? any InspectableBroker else { throw unsupported("list what is in it") }
      return able
    }
  }

  var operable: any OperableBroker {
    get throws(BrokerError) {
      guard let able = broker as? any OperableBroker else { throw unsupported("pause, resume or purge queues") }
      return able
    }
  }

  var deadLetterBroker: any DeadLetterBroker {
    get throws(BrokerError) {
      guard let able = broker as? any DeadLetterBroker else { throw unsupported("show or replay dead letters") }
      return able
    }
  }

  var removing: any RemovingBroker {
    get throws(BrokerError) {
      guard let able = broker as? any RemovingBroker else { throw unsupported("delete queues or bindings") }
      return able
    }
  }

  var listing: any MessageListingBroker {
    get throws(BrokerError) {
      guard let able = broker as? any MessageListingBroker else {
        throw BrokerError(
          .unsupported,
          "\(broker.capabilities.engine) cannot show the single messages of a queue without taking them out of it: only their number, "
            + "those that workers handle now, and dead letters can be seen")
      }
      return able
    }
  }

  /// Whether the engine can show the single messages of its queues.
  public var showsMessages: Bool { broker is any MessageListingBroker }

  var repairable: any RepairableBroker {
    get throws(BrokerError) {
      guard let able = broker as? any RepairableBroker else { throw unsupported("repair what it stores in") }
      return able
    }
  }

  private func unsupported(_ ability: String) -> BrokerError {
    BrokerError(
      .unsupported, "the engine \(broker.capabilities.engine) cannot \(ability): use the broker's own tools for it")
  }
}
