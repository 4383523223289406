internal import Foundation
public import Logging
internal import ServiceLifecycle
internal import Synchronization
public import Warren
public import WarrenConnect

/// The connection of a service to its broker.
///
/// ```swift
/// let connection = try MessagingConnection(BrokerAddress("amqp://localhost:5672"))
/// try await connection.connect()
/// try await EventPublisher(connection, source: "booking-service").publish(event)
/// await connection.disconnect()
/// ```
/// The first connection is tried again after growing pauses and then given up with an error. One that is lost later comes back
/// by itself, with its consumers, for as long as it takes.
public final class MessagingConnection: Sendable {
  /// The engine.
  public let broker: any InspectableBroker
  /// What the environment decided.
  public let settings: MessagingSettings
  private let address: BrokerAddress
  private let clock: any BrokerClock
  private let logger: Logger
  private let running = Mutex<RunningServices?>(nil)

  /// A connection that is made by ``connect()``.
  ///
  /// - Parameter broker: an engine at this address that another part of the process runs, with ``waitForBroker()``.
  public init(
    _ address: BrokerAddress, settings: MessagingSettings = .init(), broker: (any InspectableBroker)? = nil,
    clock: any BrokerClock = SystemClock(), logger: Logger = Logger(label: "tutorgo.messaging")
  ) throws(BrokerError) {
    self.address = address
    self.settings = settings
    self.clock = clock
    self.logger = logger
    if let broker { self.broker = broker } else { self.broker = try address.open(clock: clock, logger: logger) }
  }

  /// Connects, and declares exchanges and queues. Publishers and consumers work from then on.
  ///
  /// - Throws: ``MessagingError`` after the last attempt; an error that trying again cannot correct, such as a wrong password, at once.
  public func connect() async throws {
    try await waitForBroker()
    running.withLock { if $0 == nil { $0 = RunningServices([broker], logger) } }
    do {
      try await broker.apply(Layout.topology(settings.exchange))
    } catch {
      await disconnect()
      throw error
    }
  }

  /// Closes the connection. Stop its consumers before.
  public func disconnect() async {
    let services = running.withLock { running in
      defer { running = nil }
      return running
    }
    await services?.stop()
  }

  /// Returns when the broker has accepted a connection. An embedded engine is there once its file is open.
  ///
  /// - Throws: as ``connect()``.
  public func waitForBroker() async throws {
    guard case .rabbitMQ = address else { return }
    try await Self.attempt(settings.connectPauses, clock, logger, at: "\(address)") { [address, logger] in
      let topology = try Layout.topology(self.settings.exchange)
      let broker = try address.open(waitsForBroker: false, logger: logger)
      try await broker.withBroker { try await $0.apply(topology) }
    }
  }

  /// Tries until it succeeds, with these pauses between.
  static func attempt(
    _ pauses: [Duration], _ clock: any BrokerClock, _ logger: Logger, at place: String, _ body: () async throws -> Void
  ) async throws {
    for number in 0... {
      do { return try await body() } catch let error as BrokerError where error.isRetryable {
        guard number < pauses.count else {
          throw MessagingError(
            "the broker at \(place) could not be reached in \(number + 1) attempts. Start it, correct its URL, or allow more with "
              + "RABBITMQ_RETRY_ATTEMPTS and RABBITMQ_RETRY_DELAY. The last time: \(error)")
        }
        let pause = pauses[number]
        logger.warning(
          "Connecting failed, will retry",
          metadata: ["attempt": "\(number + 1)", "retry.in": "\(pause)", "error": "\(error)"])
        try await clock.sleep(until: clock.now.addingTimeInterval(pause / .seconds(1)))
      }
    }
  }
}

/// Services that run in the background until they are stopped in good order.
final class RunningServices: Sendable {
  private let group: ServiceGroup
  private let task: Task<Void, any Error>
  private let logger: Logger

  init(_ services: [any Service], _ logger: Logger) {
    let group = ServiceGroup(services: services, logger: logger)
    self.group = group
    self.logger = logger
    task = Task { try await group.run() }
  }

  func stop() async {
    await group.triggerGracefulShutdown()
    do { try await task.value } catch { logger.error("Stopped with an error", metadata: ["error": "\(error)"]) }
  }
}
