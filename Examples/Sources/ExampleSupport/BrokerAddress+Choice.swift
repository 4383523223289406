public import Foundation
public import Warren
public import WarrenConnect

extension BrokerAddress {
  /// The first of these that says something: the option `--broker`, `WARREN_BROKER`, `RABBITMQ_URL`, `RABBITMQ_HOST` with
  /// `PORT`, `USER` and `PASSWORD`, and else a SQLite file in the data directory. What is set to nothing is not set.
  public static func choose(
    option: String?, environment: [String: String], data: URL
  ) throws(BrokerError) -> BrokerAddress {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let option { return try parse(option, from: "--broker") }
    for name in ["WARREN_BROKER", "RABBITMQ_URL"] {
      if let text = value(name) { return try parse(text, from: name) }
    }
    if let host = value("RABBITMQ_HOST") {
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
      url.user = value("RABBITMQ_USER")
      url.password = value("RABBITMQ_PASSWORD")
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
