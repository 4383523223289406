internal import Foundation
public import Logging
public import Warren
internal import WarrenSQLite

extension BrokerLocation {
  /// The engine there. It works once its `run()` does.
  public func open(logger: Logger) throws -> any InspectableBroker {
    switch self {
    case .sqlite(let path):
      let folder = URL(filePath: path).deletingLastPathComponent()
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      return try SQLiteBroker(path: path, logger: logger)
    case .rabbitMQ:
      throw Invalid(
        description: """
          Not connected to RabbitMQ: this build has no engine for it yet. Use the embedded one: --broker sqlite:PATH, \
          or leave out --broker, WARREN_BROKER, RABBITMQ_URL and RABBITMQ_HOST
          """)
    }
  }
}
