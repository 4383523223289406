internal import Foundation
internal import Logging
internal import Warren
internal import WarrenOperations
internal import WarrenRabbitMQ
internal import WarrenSQLite

extension GlobalOptions {
  /// Opens the broker and runs it while `body` runs.
  func withOperations<Result: Sendable>(
    _ body: @Sendable (Operations) async throws -> Result
  ) async throws -> Result {
    guard let text = broker ?? ProcessInfo.processInfo.environment["WARREN_BROKER"], !text.isEmpty else {
      throw Complaint(
        .usage, "which broker?",
        next: "name it with --broker sqlite:PATH or amqp://HOST, or set WARREN_BROKER for all commands")
    }
    switch try BrokerAddress(text) {
    case .sqlite(let path):
      let mask = mask
      return try await openFile(path).withBroker { try await body(Operations($0, mask: mask)) }
    case .rabbitMQ(let url):
      let mask = mask
      var configuration = RabbitMQConfiguration()
      configuration.startDeadline = .seconds(5)
      configuration.publishDeadline = .seconds(10)
      return try await RabbitMQBroker(url: url, configuration: configuration, logger: quietLogger)
        .withBroker { try await body(Operations($0, mask: mask)) }
    }
  }

  private func openFile(_ path: String) throws -> SQLiteBroker {
    // The engine would make the file, and somebody who mistyped a path would look at an empty broker.
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else {
      throw Complaint(
        .unreachable, "there is no broker file '\(path)'",
        next: "check the path; the file is made by the first service that opens it")
    }
    let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    guard size != 0 else {
      throw Complaint(
        .unreachable, "the file '\(path)' is empty: no broker yet",
        next: "start a service that opens it, or check the path")
    }
    var configuration = SQLiteBroker.Configuration()
    configuration.startDeadline = .seconds(5)
    configuration.publishDeadline = .seconds(10)
    return try SQLiteBroker(path: path, configuration: configuration, logger: quietLogger)
  }

  /// What goes wrong is thrown, and told once, by the command.
  private var quietLogger: Logger {
    var logger = Logger(label: "warren", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .critical
    return logger
  }
}
