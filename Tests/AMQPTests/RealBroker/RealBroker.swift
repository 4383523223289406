import Foundation
import Testing

@testable import AMQP

/// The RabbitMQ that the tests in this folder use, named by the environment:
/// `WARREN_TEST_URI` (such as `amqp://guest:guest@127.0.0.1:5672`) and `WARREN_TEST_MANAGEMENT` (such as `http://127.0.0.1:15672`).
enum RealBroker {
  static let uri = ProcessInfo.processInfo.environment["WARREN_TEST_URI"]
  static let management = ProcessInfo.processInfo.environment["WARREN_TEST_MANAGEMENT"]
  static var isThere: Bool { uri != nil }
  static var isManaged: Bool { uri != nil && management != nil }

  static let skipped: Comment = "skipped: set WARREN_TEST_URI to a broker's URI"

  static func configuration(name: String = "amqp-tests") throws -> AMQPConfiguration {
    var configuration = try AMQPConfiguration(uri: uri ?? "amqp://127.0.0.1")
    configuration.name = name
    configuration.replyTimeout = .seconds(30)
    return configuration
  }

  /// A name that no other test uses.
  static func name(_ what: String) -> String { "amqp-test-\(what)-\(UInt32.random(in: .min ... .max))" }
}
