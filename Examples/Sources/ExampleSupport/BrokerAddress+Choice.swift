public import Foundation
public import Warren
public import WarrenConnect

/// What a system connects to once RabbitMQ is selected, where the environment does not say it.
public struct RabbitMQDefaults: Sendable {
  /// The host.
  public var host: String
  /// The user.
  public var user: String
  /// Its password.
  public var password: String

  /// Defaults.
  public init(host: String, user: String, password: String) {
    self.host = host
    self.user = user
    self.password = password
  }
}

extension BrokerAddress {
  /// The first of these that says something: the option `--broker`, `WARREN_BROKER`, `RABBITMQ_URL`, `RABBITMQ_HOST` with
  /// `PORT`, `USER` and `PASSWORD`, and else a SQLite file in the data directory. What is set to nothing is not set.
  ///
  /// - Parameter defaults: with them each of `RABBITMQ_HOST`, `PORT`, `USER` and `PASSWORD` alone selects RabbitMQ, and they stand
  ///   in for the others.
  public static func choose(
    option: String?, environment: [String: String], data: URL, defaults: RabbitMQDefaults? = nil
  ) throws(BrokerError) -> BrokerAddress {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let option { return try parse(option, from: "--broker") }
    for name in ["WARREN_BROKER", "RABBITMQ_URL"] {
      if let text = value(name) { return try parse(text, from: name) }
    }
    let others = ["RABBITMQ_PORT", "RABBITMQ_USER", "RABBITMQ_PASSWORD"]
    let isSelected = defaults != nil && others.contains { value($0) != nil }
    if let host = value("RABBITMQ_HOST") ?? (isSelected ? defaults?.host : nil) {
      var url = URLComponents()
      url.scheme = "amqp"
      url.host = host
      url.port = 5672
      if let text = value("RABBITMQ_PORT") {
        guard let port = UInt16(text), port > 0 else {
          throw BrokerError(.invalid, "RABBITMQ_PORT is '\(text)': it must be a port, 1 to 65535")
        }
        url.port = Int(port)
      }
      url.user = value("RABBITMQ_USER") ?? defaults?.user
      url.password = value("RABBITMQ_PASSWORD") ?? defaults?.password
      guard let text = url.string else {
        throw BrokerError(.invalid, "RABBITMQ_HOST is '\(host)': it must be a host")
      }
      return .rabbitMQ(url: text)
    }
    return .sqlite(path: data.appending(path: "broker.db").path)
  }

  private static func parse(_ text: String, from origin: String) throws(BrokerError) -> BrokerAddress {
    do throws(BrokerError) { return try BrokerAddress(text) } catch {
      throw BrokerError(error.code, "\(origin): \(error.message)")
    }
  }
}
