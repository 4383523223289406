import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// What `doctor` says of a cluster. It starts one of its own, loses nodes, and ends it.
extension RecoveryTests {
  @Test func lostNodesAndClassicQueuesAreFound() async throws {
    let cluster = try await RealCluster.start()
    do {
      try await loseNodes(cluster)
    } catch {
      try await cluster.stop()
      throw error
    }
    try await cluster.stop()
  }

  private func loseNodes(_ cluster: RealCluster) async throws {
    // The third node is the one that stays.
    let last = cluster.nodes[2]
    try await RabbitMQBroker(url: "\(last.url)?management=\(last.management)").withBroker { broker in
      try await broker.apply(Topology(queues: ["mail"]))
      try await AMQPConnection.withConnection(try AMQPConfiguration(uri: last.url)) { foreign in
        try await foreign.withChannel { _ = try await $0.declareQueue("legacy") }
      }
      let whole = try await until {
        try await broker.diagnose()
      } holds: { findings in
        findings.contains { $0.text == "3 of 3 nodes run" }
          && findings.filter { $0.severity != .fine }.map(\.queue) == ["legacy"]
      }
      #expect(whole.contains { $0.queue == "legacy" && $0.severity == .warning && $0.text.contains("classic") })

      try await cluster.kill(cluster.nodes[0])
      let critical = try await until {
        try await broker.diagnose()
      } holds: { findings in
        findings.contains { $0.severity == .warning && $0.text.contains("one more of their nodes goes") }
      }
      #expect(critical.contains { $0.severity == .problem && $0.text.contains(cluster.nodes[0].name) }, "\(critical)")

      try await cluster.kill(cluster.nodes[1])
      let halted = try await until {
        try await broker.diagnose()
      } holds: { findings in
        findings.contains { $0.severity == .problem && $0.text.contains("majority") }
      }
      #expect(halted.contains { $0.text == "1 of 3 nodes run" }, "\(halted)")
      // What does not answer is shown all the same.
      #expect(try await broker.queues().map(\.name) == ["legacy", "mail", "mail.dlq"])
    }
  }
}

/// Three nodes of the version that the tests run on, by `scripts/rabbitmq`.
struct RealCluster {
  struct Node: Decodable {
    let name: String
    let amqp: String
    let management: String
    /// For Warren and for its client.
    var url: String { amqp }
    private enum CodingKeys: String, CodingKey { case name, amqp, management }
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      name = try container.decode(String.self, forKey: .name)
      amqp = try container.decode(String.self, forKey: .amqp)
      // It gets the user and the password of the other URL.
      management = try container.decode(String.self, forKey: .management).replacing("guest:guest@", with: "")
    }
  }
  let nodes: [Node]
  private let directory: String

  static func start() async throws -> RealCluster {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "warren-cluster-\(UUID().uuidString.prefix(8))")
    let version = try await RealBroker.version()
    try await RealBroker.run(
      "cluster", "--version", version, "--dir", directory.path, "--while",
      "\(ProcessInfo.processInfo.processIdentifier)")
    let lines = try await RealBroker.run("env", directory.path, "--json")
    return RealCluster(
      nodes: try lines.map { try JSONDecoder().decode(Node.self, from: Data($0.utf8)) }.sorted { $0.name < $1.name },
      directory: directory.path)
  }

  func kill(_ node: Node) async throws { try await RealBroker.run("kill", directory, node.name) }
  func call(_ verb: String, _ node: Node, _ arguments: String...) async throws {
    try await RealBroker.run([verb, directory, node.name] + arguments)
  }
  func stop() async throws { try await RealBroker.run("stop", directory) }
}
