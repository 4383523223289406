import Foundation
import Testing
import Warren
import WarrenSQLite

@Suite("warren: removing") struct RemovalTests {
  @Test("an empty queue goes after a question, and its name can be used again") func empty() async throws {
    let broker = try await SeededBroker()
    let asked = try await broker.run("queue", "delete", "mail")
    #expect(asked.status == 2 && asked.errors.contains("--yes"))
    let dry = try await broker.run("queue", "delete", "mail", "--dry-run")
    #expect(dry.status == 0 && dry.output == "mail would be deleted\n")
    let run = try await broker.onTerminal("queue", "delete", "mail", typing: [("[y/N] ", "y")])
    #expect(run.status == 0 && run.screen.hasSuffix("deleted mail\n"), "\(run.screen)")
    #expect(try await broker.run("queue", "delete", "mail", "--yes").status == 4)
    #expect(try await broker.run("queue", "ls").rows.map(\.first) == ["audit", "audit.dlq", "mail.dlq"])
    let doctor = try await broker.run("doctor")
    #expect(doctor.status == 0, "\(doctor.output)")
    try await broker.open { try await $0.apply(Topology(queues: ["mail"])) }
    try await broker.park(["a"])
    #expect(try await broker.run("dead", "replay", "a").status == 0)
  }

  @Test("messages and dead letters keep it, are counted, and go with --force") func held() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["d1", "d2"])
    try await broker.enqueue(["a", "b", "c"])
    let refused = try await broker.run("queue", "delete", "mail", "--yes")
    #expect(refused.status == 1 && refused.output.isEmpty)
    #expect(
      refused.errors.contains("3 messages and 2 dead letters") && refused.errors.contains("--force"),
      "\(refused.errors)")
    let holder = try await broker.run("queue", "delete", "mail.dlq", "--force", "--yes")
    #expect(holder.status == 1 && holder.errors.contains("dead letters of 'mail'"))
    let declined = try await broker.onTerminal("queue", "delete", "mail", "--force", typing: [("[y/N] ", "n")])
    #expect(declined.status == 1 && declined.screen.contains("3 messages and 2 dead letters"))
    let run = try await broker.run("queue", "delete", "mail", "--force", "--yes", "--json")
    let json: [String: Any] = try run.json()
    #expect(run.status == 0 && json["deleted"] as? Int == 5)
    #expect(try await broker.ready("mail.dlq") == 0)
    #expect(try await broker.run("queue", "delete", "mail.dlq", "--yes").status == 0)
    #expect(try await broker.run("doctor").status == 0)
  }

  @Test("a queue with a consumer stays, even with --force") func consumed() async throws {
    let broker = try await SeededBroker()
    try await broker.open { engine in
      try await engine.consume("mail", prefetch: 1) { _ async throws in
        let run = try await broker.run("queue", "delete", "mail", "--force", "--yes")
        #expect(run.status == 1 && run.errors.contains("1 consumer") && run.errors.contains("warren worker ls"))
      }
    }
  }

  private func file(_ topology: Topology, in broker: SeededBroker) throws -> String {
    let url = broker.directory.appendingPathComponent("topology-\(UUID().uuidString).json")
    try JSONEncoder().encode(topology).write(to: url)
    return url.path
  }

  @Test("pruning says what goes and what stays, asks, and does it") func prune() async throws {
    let broker = try await SeededBroker()
    try await broker.open { engine in
      try await engine.apply(
        Topology(
          exchanges: ["books"], queues: ["mail", "old"],
          bindings: [Binding("mail", to: "books", key: "loan.*"), Binding("old", to: "books")]))
    }
    let mail = try file(
      Topology(exchanges: ["books"], queues: ["mail"], bindings: []), in: broker)
    let audit = try file(
      Topology(exchanges: ["books"], queues: ["audit"], bindings: [Binding("audit", to: "books", key: "book.*")]),
      in: broker)
    let dry = try await broker.run("topology", "prune", mail, audit, "--dry-run")
    #expect(dry.status == 0, "\(dry.errors)")
    #expect(
      dry.rows == [
        ["would be unbound", "'mail' from 'books' by 'loan.*'"], ["would be deleted", "queue 'old'"],
        ["would be deleted", "queue 'old.dlq'"],
      ])
    #expect(try await broker.run("topology", "prune", mail, audit).status == 2)
    #expect(try await broker.ready("old") == 0)
    try await broker.open { engine in
      _ = try await engine.publish([
        Publication(Message(id: "1", name: "book.x", body: Data("{}".utf8)), to: .queue("old"))
      ])
    }
    let some = try await broker.run("topology", "prune", mail, audit, "--yes")
    #expect(some.status == 3, "\(some.errors)")
    #expect(some.output.contains("unbound\t'old' from 'books' by '#'") && some.output.contains("it holds 1 message"))
    #expect(try await broker.ready("old") == 1)
    #expect(try await broker.run("topology", "prune", mail, audit, "--yes").status == 1)
    #expect(try await broker.run("queue", "purge", "old", "--yes").status == 0)
    let rest = try await broker.onTerminal("topology", "prune", mail, audit, typing: [("[y/N] ", "y")])
    #expect(rest.status == 0 && rest.screen.contains("Remove 2 queues?"), "\(rest.screen)")
    let none = try await broker.run("topology", "prune", mail, audit, "--yes")
    #expect(none.status == 0 && none.errors.contains("everything"))
    #expect(try await broker.run("topology", "diff", mail).status == 0)
  }

  @Test("doctor names a binding that no worker asks for any more") func unasked() async throws {
    let broker = try await SeededBroker()
    try await broker.open { engine in
      let kept = Binding("mail", to: "books", key: "book.*"), left = Binding("mail", to: "books", key: "loan.*")
      try await engine.apply(Topology(exchanges: ["books"], queues: ["mail"], bindings: [kept, left]))
      try await engine.consume("mail", prefetch: 1) { _ async throws in
        #expect(try await broker.run("doctor").status == 0)
      }
    }
    try await broker.open { engine in
      try await engine.consume("mail", prefetch: 1) { _ async throws in
        // It has applied nothing, so nothing is known of what it asks for.
        #expect(try await broker.run("doctor").status == 0)
      }
    }
    try await broker.open { engine in
      try await engine.apply(
        Topology(exchanges: ["books"], queues: ["mail"], bindings: [Binding("mail", to: "books", key: "book.*")]))
      try await engine.consume("mail", prefetch: 1) { _ async throws in
        let run = try await broker.run("doctor")
        #expect(run.status == 1)
        #expect(run.output.contains("by 'loan.*'") && run.output.contains("warren topology prune"), "\(run.output)")
        #expect(!run.output.contains("by 'book.*'"))
      }
    }
    // Where no worker runs, it is not known what is asked for.
    #expect(try await !broker.run("doctor").output.contains("loan"))
  }
}
