import Foundation
import Spawning
import Testing
import Warren
import WarrenSQLite

@Suite("warren: status, queues, workers") struct StatusTests {
  @Test("a healthy broker: 0") func healthy() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("status")
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    #expect(run.output.contains("health\tfine\n"))
    #expect(run.rows.contains { $0.starts(with: ["mail", "active", "0"]) })
    let overview: [String: Any] = try await broker.run("status", "--json").json()
    #expect(overview["health"] as? String == "fine")
    #expect((overview["queues"] as? [Any])?.count == 4)
    #expect(try await broker.run("doctor").status == 0)
  }

  @Test("something is not well: 1, and how to fix it") func ill() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["1"])
    for command in ["status", "doctor"] {
      let run = try await broker.run(command)
      #expect(run.status == 1)
      #expect(run.output.contains("mail.dlq") && run.output.contains("warren dead"))
    }
    let findings: [[String: Any]] = try await broker.run("doctor", "--json").json()
    #expect(findings.first?["severity"] as? String == "warning")
    #expect(findings.filter { ($0["text"] as? String)?.contains("mail.dlq") == true }.count == 1)
  }

  @Test("messages that no worker consumes") func unattended() async throws {
    let broker = try await SeededBroker()
    try await broker.enqueue(["1", "2"])
    let run = try await broker.run("status")
    #expect(run.status == 1)
    #expect(run.rows.contains { $0.starts(with: ["mail", "unattended", "2"]) })
    #expect(run.output.contains("problem\t"))
  }

  @Test("queues in a pipe: tabs, no titles, no colours, the columns that were asked for") func list() async throws {
    let broker = try await SeededBroker()
    try await broker.enqueue(["1"])
    let all = try await broker.run("queue", "ls")
    #expect(all.status == 0)
    #expect(all.rows.map(\.first) == ["audit", "audit.dlq", "mail", "mail.dlq"])
    #expect(!all.output.contains("\u{1B}") && !all.output.contains("READY"))
    let some = try await broker.run("queue", "ls", "--columns", "ready,name", "--limit", "3")
    #expect(some.output == "0\taudit\n0\taudit.dlq\n1\tmail\n")
    let wrong = try await broker.run("queue", "ls", "--columns", "size")
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("name,state,ready"))
    let json: [[String: Any]] = try await broker.run("queue", "ls", "--json").json()
    #expect(json.count == 4)
  }

  @Test("pausing and resuming") func pause() async throws {
    let broker = try await SeededBroker()
    #expect(try await broker.run("queue", "pause", "mail").status == 0)
    let paused: [String: Any] = try await broker.run("queue", "show", "mail", "--json").json()
    #expect(paused["state"] as? String == "paused")
    #expect(try await broker.run("status").status == 1)
    #expect(try await broker.run("queue", "resume", "mail").output == "resumed mail\n")
    #expect(try await broker.run("status").status == 0)
  }

  @Test("a queue that is not there: 4", arguments: ["show", "pause", "resume", "purge"]) func none(verb: String)
    async throws
  {
    let broker = try await SeededBroker()
    let run = try await broker.run("queue", verb, "missing")
    #expect(run.status == 4, "\(run.errors)")
    #expect(run.errors.contains("missing") && run.errors.contains("next: "))
    #expect(run.output.isEmpty)
  }

  @Test("purging asks, and in a pipe wants --yes") func purge() async throws {
    let broker = try await SeededBroker()
    try await broker.enqueue(["1", "2", "3"])
    let asked = try await broker.run("queue", "purge", "mail")
    #expect(asked.status == 2)
    #expect(asked.errors.contains("3 messages") && asked.errors.contains("--yes"))
    let declined = try await broker.onTerminal("queue", "purge", "mail", typing: [("[y/N] ", "n")])
    #expect(declined.status == 1)
    #expect(try await broker.ready("mail") == 3)
    let done = try await broker.onTerminal("queue", "purge", "mail", typing: [("[y/N] ", "y")])
    #expect(done.status == 0 && done.screen.hasSuffix("3 messages deleted\n"), "\(done.screen)")
    #expect(try await broker.ready("mail") == 0)
    #expect(
      try await broker.run("queue", "purge", "mail", "--yes", "--json").output == "{\"deleted\":0,\"queue\":\"mail\"}\n"
    )
  }

  @Test("workers") func workers() async throws {
    let broker = try await SeededBroker()
    let none = try await broker.run("worker", "ls")
    #expect(none.status == 0 && none.output.isEmpty && none.errors.contains("no workers"))
    #expect(try await broker.run("worker", "ls", "--json").output == "[]\n")
    try await broker.open { engine in
      try await engine.consume("mail", prefetch: 1) { _ in
        let run = try await broker.run("worker", "ls")
        #expect(run.rows.count == 1)
        #expect(run.rows.first?.last == "mail")
      }
    }
  }

  @Test("on a terminal: titles, colours unless unwanted, no line wider than it") func terminal() async throws {
    let broker = try await SeededBroker()
    let id: MessageID = "01900000-0000-7000-8000-000000000001"
    try await broker.park([id], message: String(repeating: "a very long story ", count: 20))
    let coloured = try await broker.onTerminal("queue", "ls")
    #expect(coloured.screen.contains("NAME") && coloured.screen.contains("\u{1B}["))
    for (arguments, environment) in [(["--no-color"], [:]), ([], ["NO_COLOR": "1"]), ([], ["TERM": "dumb"])] {
      let run = try await warrenOnTerminal(
        ["--broker", broker.address, "dead", "ls"] + arguments,
        environment: ["COLUMNS": "80"].merging(environment) { $1 })
      #expect(!run.screen.contains("\u{1B}"))
      #expect(run.screen.contains("…") && run.screen.contains(id.rawValue))
      #expect(run.screen.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(run.screen)")
    }
  }

  @Test("watching goes on and on") func watch() async throws {
    let broker = try await SeededBroker()
    let process = try ChildProcess(
      executable(), ["queue", "ls", "--json", "--watch", "100ms", "--broker", broker.address],
      environment: cleanEnvironment([:]), output: .pipe)
    for _ in 0..<3 {
      let line = try #require(await process.output?.line())
      #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [Any])
    }
    process.send(SIGTERM)
    await process.end()
  }

  @Test("a handler is shown, and asked to end from another process") func cancel() async throws {
    let broker = try await SeededBroker()
    try await broker.open { engine in
      let (began, begin) = AsyncStream<Void>.makeStream()
      let worker = try Worker(engine, name: "w") {
        Subscription(Queue("mail").adopted()) {
          OnAny { _, _ in
            begin.finish()
            try await Task.sleep(for: .seconds(3600))
          }
        }
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        _ = try await engine.publish([
          Publication(Message(id: "a", name: "email.send", body: Data("{}".utf8)), to: .queue("mail"))
        ])
        for await _ in began {}
        let shown = try await broker.run("worker", "ls", "--columns", "name,handles")
        #expect(shown.rows.contains { $0.last == "a" }, "\(shown)")
        let run = try await broker.run("worker", "cancel", "a", "--queue", "mail")
        #expect(run.status == 0 && run.output.contains("asked the handler of a to end"), "\(run)")
        while try await engine.deadLetters(.init(ids: ["a"], reason: .cancelled)).letters.isEmpty { await Task.yield() }
        group.cancelAll()
      }
    }
    let late = try await broker.run("worker", "cancel", "a", "--queue", "mail")
    #expect(late.status == 4 && late.errors.contains("no worker handles"), "\(late)")
  }
}
