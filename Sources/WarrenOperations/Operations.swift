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
  private let store: (any StateStore)?
  let clock: any BrokerClock

  /// Operations on a broker.
  ///
  /// - Parameters:
  ///   - store: where schedules are kept; the broker itself by default, where it can.
  ///   - clock: what times are compared with; the broker's own by default.
  public init(
    _ broker: any Broker, mask: Mask = .standard, store: (any StateStore)? = nil, clock: (any BrokerClock)? = nil
  ) {
    self.broker = broker
    self.mask = mask
    self.store = store ?? broker as? any StateStore
    self.clock = clock ?? broker.clock
  }

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
