internal import Foundation
public import Logging
public import Warren
public import WarrenOperations
internal import WarrenRabbitMQ
internal import WarrenSQLite

extension BrokerAddress {
  /// The engine there. It works once its `run()` does.
  public func open(logger: Logger) throws -> any InspectableBroker {
    switch self {
    case .sqlite(let path):
      let folder = URL(filePath: path).deletingLastPathComponent()
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      return try SQLiteBroker(path: path, logger: logger)
    case .rabbitMQ(let url):
      return try RabbitMQBroker(url: url, logger: logger)
    }
  }
}
