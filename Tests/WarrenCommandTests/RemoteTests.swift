import Foundation
import Spawning
import Testing
import Warren

/// Commands that act over the JSON API of a dashboard, which is a process of its own with a password.
@Suite("--url") struct RemoteTests {
  /// A dashboard over a broker, and how commands reach it.
  private struct Remote: Sendable {
    let broker: SeededBroker
    let address: String
    static let password = "open sesame"

    func run(_ arguments: String..., user: String = "ann:\(password)", input: String = "") async throws -> CommandRun {
      try await warren(
        arguments + ["--url", address, "--user", user], input: input,
        environment: ["no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"])
    }
  }

  private func withDashboard(
    role: String = "admin", _ fill: (SeededBroker) async throws -> Void, _ body: (Remote) async throws -> Void
  ) async throws {
    let broker = try await SeededBroker()
    try await fill(broker)
    let dashboard = try RunningCommand(
      ["--broker", broker.address, "dashboard", "--port", "0", "--as", role],
      environment: ["WARREN_DASHBOARD_PASSWORD": Remote.password])
    let result: Result<Void, any Error>
    do {
      let address = try await dashboard.first(/http:\/\/127.0.0.1:[0-9]+\//, in: \.errors)
      try await body(Remote(broker: broker, address: String(address)))
      result = .success(())
    } catch { result = .failure(error) }
    _ = await dashboard.stop()
    try result.get()
  }

  @Test("it looks: status, queues, messages, dead letters, groups, workers, topology, audit") func looks() async throws
  {
    try await withDashboard {
      try await $0.park(["a", "b"])
      try await $0.enqueue(["waits"])
    } _: { remote in
      let status = try await remote.run("status", "--json")
      let health: [String: Any] = try status.json()
      #expect((health["findings"] as? [Any])?.count == 2, "\(status.output)")
      #expect(try await remote.run("queue", "ls").rows.map { $0[0] } == ["audit", "audit.dlq", "mail", "mail.dlq"])
      #expect(try await remote.run("queue", "show", "mail").output.contains("no worker consumes"))
      #expect(try await remote.run("queue", "show", "none").status == 4)
      #expect(try await remote.run("message", "ls", "mail").rows.map { $0[0] } == ["waits"])
      #expect(try await remote.run("message", "show", "waits").output.contains("ann@example.org"))
      #expect(try await remote.run("dead", "ls").rows.map { $0[0] } == ["a", "b"])
      #expect(try await remote.run("dead", "ls", "--where", "error~mx9").output.isEmpty)
      #expect(try await remote.run("dead", "show", "a").output.contains("ann@example.org"))
      let groups = try await remote.run("dead", "groups")
      #expect(groups.rows.map { $0[2] } == ["2"], "\(groups.output)")
      let marked = try await remote.run("dead", "mark", groups.rows[0][0], "resolved")
      #expect(marked.rows.first?[1] == "resolved", "\(marked.output) \(marked.errors)")
      #expect(try await remote.run("worker", "ls").status == 0)
      #expect(try await remote.run("topology", "show").output.contains("book.*"))
      #expect(try await remote.run("schedule", "ls").status == 0)
      let audit = try await remote.run("audit", "ls")
      #expect(audit.output.contains("failure.resolved") && audit.output.contains("ann"), "\(audit.output)")
    }
  }

  @Test("it acts, as who asked, and what it did is what the command tells") func acts() async throws {
    try await withDashboard {
      try await $0.park(["a", "b", "c", "d", "e"])
      try await $0.schedule()
    } _: { remote in
      let asked = try await remote.run("schedule", "run", "report")
      #expect(asked.status == 0 && asked.output.hasPrefix("schedule:books/report@"), "\(asked.output) \(asked.errors)")
      #expect(try await remote.run("queue", "pause", "mail").status == 0)
      #expect(try await remote.run("queue", "ls").output.contains("paused"))
      #expect(try await remote.run("queue", "resume", "mail").status == 0)
      #expect(try await remote.run("dead", "replay", "a").output == "1 replayed\n")
      #expect(try await remote.run("dead", "replay", "b", "none", "--yes").status == 3)
      #expect(try await remote.run("dead", "delete", "c", "--yes").output == "1 deleted\n")
      #expect(try await remote.run("dead", "restore", "c").output == "1 restored\n")
      let all = try await remote.run("dead", "delete", "--all", "--yes")
      #expect(all.output == "3 deleted\n", "\(all.errors)")
      #expect(try await remote.run("dead", "replay", "--all", "--yes").status == 4)
      let operations = try await remote.run("op", "ls")
      #expect(operations.rows.count == 4, "\(operations.output) \(operations.errors)")
      #expect(try await remote.run("op", "show", operations.rows[0][0]).status == 0)
      #expect(try await remote.run("queue", "purge", "mail", "--yes").output.contains("2"))
      #expect(try await remote.broker.ready("mail") == 0)
      let audit = try await remote.run("audit", "ls")
      for action in ["schedule.run", "queue.pause", "dead.replay", "dead.delete", "dead.restore", "queue.purge"] {
        #expect(audit.output.contains(action), "\(action)")
      }
    }
  }

  @Test("what its API lacks is refused by name, and nothing is done") func lacks() async throws {
    try await withDashboard {
      try await $0.park(["a"])
    } _: { remote in
      for arguments in [
        ["event", "publish", "book.new", "{}", "--exchange", "books"], ["doctor"],
        ["bench", "--messages", "1"],
      ] {
        let run = try await warren(
          arguments + ["--url", remote.address, "--user", "ann:\(Remote.password)"],
          environment: ["no_proxy": "127.0.0.1"])
        #expect(run.status != 0 && !run.errors.isEmpty, "\(arguments): \(run.output)")
      }
      let doctor = try await remote.run("doctor")
      #expect(doctor.errors.contains("a dashboard's API cannot look at everything"), "\(doctor.errors)")
      #expect(try await remote.run("queue", "ls", "--broker", "sqlite:x").status == 2)
      #expect(try await remote.broker.ready("mail.dlq") == 1)
    }
  }

  @Test("who is not known, may not do it, or finds no dashboard is told so") func refused() async throws {
    try await withDashboard(role: "viewer") {
      try await $0.park(["a"])
    } _: { remote in
      let stranger = try await remote.run("queue", "ls", user: "ann:wrong")
      #expect(stranger.status == 2 && stranger.errors.contains("--user NAME:PASSWORD"), "\(stranger.errors)")
      let viewer = try await remote.run("queue", "pause", "mail")
      #expect(viewer.status == 1 && viewer.errors.contains("ann (viewer) may not do this"), "\(viewer.errors)")
      #expect(try await remote.run("dead", "ls").rows.count == 1)
    }
    let away = try await warren(
      ["queue", "ls", "--url", "http://127.0.0.1:9/"], environment: ["no_proxy": "127.0.0.1"])
    #expect(away.status == 5 && away.errors.contains("does not answer"), "\(away.errors)")
    #expect(try await warren(["queue", "ls", "--url", "ftp://x"]).status == 2)
  }
}
