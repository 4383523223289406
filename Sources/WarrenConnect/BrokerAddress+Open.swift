public import Logging
public import Warren
internal import WarrenRabbitMQ
internal import WarrenSQLite

extension BrokerAddress {
  /// The engine at this address. It works once its `run()` does: put it into a `ServiceGroup`.
  ///
  /// - Parameters:
  ///   - startDeadline: how long a call waits for `run()` and the first connection; the engine's own by default.
  ///   - publishDeadline: how long a publish may take; the engine's own by default.
  ///   - waitsForBroker: whether a RabbitMQ that cannot be reached is waited for, as a service does, or `run()` throws the reason at
  ///     once, for a program that a person waits for.
  /// - Throws: ``Warren/BrokerError`` when the file cannot be opened or the URL cannot be read.
  public func open(
    startDeadline: Duration? = nil, publishDeadline: Duration? = nil, waitsForBroker: Bool = true,
    clock: any BrokerClock = SystemClock(), logger: Logger
  ) throws(BrokerError) -> any InspectableBroker & OperableBroker & DeadLetterBroker {
    switch self {
    case .sqlite(let path):
      var configuration = SQLiteConfiguration()
      if let startDeadline { configuration.startDeadline = startDeadline }
      if let publishDeadline { configuration.publishDeadline = publishDeadline }
      return try SQLiteBroker(path: path, configuration: configuration, clock: clock, logger: logger)
    case .rabbitMQ(let urls):
      var configuration = RabbitMQConfiguration()
      if let startDeadline { configuration.startDeadline = startDeadline }
      if let publishDeadline { configuration.publishDeadline = publishDeadline }
      configuration.waitsForFirstConnection = waitsForBroker
      // A person waits, and a peer that accepts and says nothing is not RabbitMQ. The URL may ask for more: `connection_timeout`.
      if !waitsForBroker { configuration.connectDeadline = .milliseconds(1500) }
      return try RabbitMQBroker(urls: urls, configuration: configuration, clock: clock, logger: logger)
    }
  }
}
