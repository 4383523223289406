import AMQP
import BrokerConformance
import Foundation
import Testing

/// Where a broker for tests listens, from the environment. `scripts/test-rabbitmq` sets it.
enum RealBroker {
  private static let environment = ProcessInfo.processInfo.environment
  /// All nodes, with commas in between.
  static let url = environment["WARREN_TEST_AMQP"]
  static let urls = url.map { $0.split(separator: ",").map(String.init) }
  static let isThere = url != nil
  static let note: Comment = "no RabbitMQ: set WARREN_TEST_AMQP, or run scripts/test-rabbitmq"
  /// The script, the folder and the node, for tests that break the broker.
  private static let control = environment["WARREN_TEST_RABBITMQ"]?.split(separator: " ").map(String.init)
  static let canBeBroken = isThere && control?.count == 3

  /// Only the scenarios of these laws, and whose name contains this.
  static let scenarios = Scenario.all(with: [.otherProcesses, .priority]).filter { scenario in
    (environment["WARREN_TEST_LAWS"].map { $0.contains(scenario.name.prefix(1)) } ?? true)
      && (environment["WARREN_TEST_SCENARIO"].map { scenario.name.contains($0) } ?? true)
  }

  /// For those who use the broker without Warren.
  static func foreign() throws -> AMQPConfiguration {
    try AMQPConfiguration(uri: String(try #require(url).prefix { $0 != "?" }))
  }

  /// Runs `scripts/rabbitmq VERB DIR NODE ARGUMENTS`.
  static func script(_ verb: String, _ arguments: String...) async throws {
    let control = try #require(control)
    let process = Process()
    // Foundation knows that a process has ended when a socket closes, which a broker that it starts would keep open.
    let closing = """
      (for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -gt 2 ] && eval "exec $fd>&-"; done; exec "$@")
      """
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", closing, "bash", control[0], verb, control[1], control[2]] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let (exit, ended) = AsyncStream<Void>.makeStream()
    process.terminationHandler = { _ in ended.finish() }
    try process.run()
    for await _ in exit {}
    #expect(process.terminationStatus == 0, "scripts/rabbitmq \(verb)")
  }
}
