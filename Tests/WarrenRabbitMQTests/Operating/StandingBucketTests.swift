import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// A cluster before 4.2.7 and 4.3.1 can forget to move on what waits in a delay bucket. `doctor` finds it, and what it tells to do fixes it.
extension RecoveryTests {
  @Test func standingDelayBucketsAreFoundAndFixed() async throws {
    let cluster = try await RealCluster.start()
    do {
      try await strand(cluster)
    } catch {
      try await cluster.stop()
      throw error
    }
    try await cluster.stop()
  }

  private func strand(_ cluster: RealCluster) async throws {
    let first = cluster.nodes[0]
    try await RabbitMQBroker(url: "\(first.url)?management=\(first.management)").withBroker { broker in
      try await broker.apply(Topology(queues: ["mail"]))
      func publishLate() async throws {
        let message = Message(id: .unique(), name: "test.thing", body: Data("x".utf8))
        let results = try await broker.publish(
          [Publication(message, to: .queue("mail"), notBefore: Date().addingTimeInterval(0.2))])
        #expect(results.allSatisfy { $0.isStored })
      }
      func ready() async throws -> Int { try await broker.queues().first { $0.name == "mail" }?.ready ?? 0 }
      try await publishLate()
      _ = try await until {
        try await ready()
      } holds: {
        $0 == 1
      }
      let isConcerned = try await !broker.parts().session.server.consumersHaveTimeouts
      var arrived = 1, isStranded = false
      for _ in 0..<(isConcerned ? 10 : 3) where !isStranded {
        try await cluster.electTwice("warren.delay.200")
        try await publishLate()
        try await Task.sleep(for: .seconds(2))
        isStranded = try await ready() == arrived
        if !isStranded { arrived += 1 }
      }
      #expect(isStranded == isConcerned)
      guard isStranded else { return }

      let findings = try await until {
        try await broker.diagnose()
      } holds: {
        $0.contains { $0.text.contains("'warren.delay.200' although the time is over") }
      }
      let finding = try #require(findings.first { $0.text.contains("warren.delay.200") })
      #expect(finding.severity == .problem)
      let leader = try #require(cluster.nodes.first { finding.fix?.text.contains("(\($0.name)@") == true })
      try await cluster.call("ctl", leader, "stop_app")
      try await cluster.call("ctl", leader, "start_app")
      _ = try await until {
        (try? await ready()) ?? 0
      } holds: {
        $0 == arrived + 1
      }
    }
  }
}

extension RealCluster {
  /// Two leaders of a queue in succession, so quickly that the first is told what it was told as a leader.
  fileprivate func electTwice(_ queue: String) async throws {
    try await call(
      "ctl", nodes[0], "eval",
      """
      {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"\(queue)">>)), {Name, _} = amqqueue:get_pid(Queue),
      {ok, Members, Leader} = ra:members({Name, node()}), [First, Second] = Members -- [Leader],
      catch ra:transfer_leadership(Leader, First), catch ra:transfer_leadership(First, Second).
      """)
    try await Task.sleep(for: .seconds(1))
  }
}
