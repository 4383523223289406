public import ArgumentParser
public import Foundation
public import WarrenConnect

/// Which part of a system a process is.
public enum Role: String, Sendable, ExpressibleByArgument, CaseIterable {
  /// Answers requests.
  case api
  /// Handles messages.
  case worker
  /// Both in one process.
  case all
}

/// The options that all example systems share.
public struct SystemOptions: ParsableArguments {
  /// Where the broker is.
  @Option(
    help: ArgumentHelp(
      "The broker: sqlite:PATH, amqp://… or amqps://…",
      discussion: """
        Without it: WARREN_BROKER, RABBITMQ_URL, RABBITMQ_HOST (with RABBITMQ_PORT, RABBITMQ_USER, RABBITMQ_PASSWORD), \
        and then the file broker.db under --data.
        """, valueName: "url"))
  public var broker: String?
  /// Where the system keeps its files.
  @Option(help: "The directory of the system's files (default: data/NAME).")
  public var data: String?
  /// Where to listen.
  @Option(help: "The address to listen on.")
  public var host: String = "127.0.0.1"
  /// The API's port.
  @Option(help: "The API's port; 0 takes a free one.")
  public var port: UInt16?
  /// The worker's port.
  @Option(help: "The worker's port for /health, /ready and /metrics.")
  public var metricsPort: UInt16?

  /// For the parser.
  public init() {}

  /// The directory of the system's files.
  public func directory(of system: String) -> URL { URL(filePath: data ?? "data/\(system)") }

  /// Where the broker is, by option and environment.
  public func location(of system: String, _ defaults: RabbitMQDefaults? = nil) throws -> BrokerAddress {
    try .choose(
      option: broker, environment: ProcessInfo.processInfo.environment, data: directory(of: system), defaults: defaults)
  }
}
