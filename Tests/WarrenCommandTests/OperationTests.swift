import Foundation
import Spawning
import Testing
import Warren
import WarrenSQLite

@Suite("warren op and audit") struct OperationTests {
  @Test("a replay of 10,000 whose process is killed at 40 % is resumed, and every letter is counted once") func killed()
    async throws
  {
    let broker = try await SeededBroker()
    let count = 10_000
    try await broker.parkMany(count)
    let process = try ChildProcess(
      try executable(),
      ["--broker", broker.address, "dead", "replay", "--where", "name:email.*", "--yes", "--rate", "2000/s"],
      environment: cleanEnvironment([:]), output: .dropped, errors: .dropped)
    var id = ""
    var done = 0
    while done < 4 * count / 10, process.isRunning {
      let operations: [[String: Any]] = try await broker.run("op", "ls", "--json").json()
      done = operations.first?["done"] as? Int ?? 0
      id = operations.first?["id"] as? String ?? ""
    }
    kill(process.identifier, SIGKILL)
    #expect(await process.end() == .signalled(SIGKILL))
    let broken: [String: Any] = try await broker.run("op", "show", id, "--json").json()
    let before = try #require(broken["done"] as? Int)
    #expect(broken["state"] as? String == "running" && before >= 4 * count / 10 && before < count)
    // What the operation says is what the queues say, also after a kill in the midst of a step.
    #expect(try await broker.ready("mail") == before)
    #expect(try await broker.ready("mail.dlq") == count - before)

    let resumed = try await broker.run("op", "resume", id, "--json")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let after: [String: Any] = try resumed.json()
    #expect(after["done"] as? Int == count && after["state"] as? String == "done")
    #expect(try await broker.ready("mail") == count)
    #expect(try await broker.ready("mail.dlq") == 0)

    let log = try await broker.run("audit", "export").output.split(separator: "\n")
    let entries = try log.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
    // The killed process could not say how it ended.
    #expect(entries.map { $0?["action"] as? String } == ["dead.replay", "operation.resume", "operation.resume"])
    #expect(entries.map { $0?["stage"] as? String } == ["begins", "begins", "done"])
    #expect(entries.first??["count"] as? Int == count)
  }

  @Test("a cancelled operation ends before its next step; what is done stays done: 3") func cancelled() async throws {
    let broker = try await SeededBroker()
    try await broker.parkMany(200)
    async let replay = broker.run("dead", "replay", "--all", "--yes", "--rate", "2/s")
    var id = ""
    while id.isEmpty {
      let operations: [[String: Any]] = try await broker.run("op", "ls", "--json").json()
      if operations.first?["done"] as? Int ?? 0 > 0 { id = operations.first?["id"] as? String ?? "" }
    }
    let cancel = try await broker.run("op", "cancel", id)
    #expect(cancel.status == 0, "\(cancel.errors)")
    let run = try await replay
    #expect(run.status == 3 && run.errors.contains("it was cancelled"), "\(run.errors)")
    #expect(run.errors.contains("operation \(id)"))
    let ready = try await broker.ready("mail")
    #expect(ready > 0 && ready < 200)
    #expect(try await broker.ready("mail.dlq") == 200 - ready)
    #expect(try await broker.run("op", "resume", id).status == 2)
    let none = try await broker.run("op", "show", "none")
    #expect(none.status == 4 && none.errors.contains("`warren op ls`"), "\(none.errors)")
  }

  @Test("who did what, by a name that is given") func audit() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b", "c"])
    #expect(try await broker.run("audit", "ls").errors == "nothing was changed yet\n")
    let environment = ["WARREN_BROKER": broker.address, "WARREN_ACTOR": "ann"]
    #expect(try await warren(["queue", "pause", "mail"], environment: environment).status == 0)
    #expect(
      try await warren(["dead", "delete", "--where", "id:a,c", "--yes", "--first", "1"], environment: environment)
        .output
        == "1 deleted\n")
    let list = try await broker.run("audit", "ls", "--columns", "number,actor,action,stage,count")
    #expect(
      list.rows == [
        ["1", "ann", "queue.pause", "begins", "-"], ["2", "ann", "queue.pause", "done", "-"],
        ["3", "ann", "dead.delete", "begins", "1"], ["4", "ann", "dead.delete", "done", "1"],
      ], "\(list.output)")
    #expect(try await broker.run("audit", "ls", "--limit", "1").rows.count == 1)
    #expect(try await broker.run("audit", "export", "--after", "3").output.split(separator: "\n").count == 1)
    let file = broker.directory.appendingPathComponent("audit.jsonl").path
    #expect(try await broker.run("queue", "resume", "mail", "--audit-file", file).status == 0)
    #expect(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count == 2)
    let unwritable = try await broker.run("queue", "pause", "mail", "--audit-file", "/dev/null/x")
    #expect(unwritable.status == 1 && unwritable.errors.contains("nothing was done"))
    let state: [String: Any] = try await broker.run("queue", "show", "mail", "--json").json()
    #expect(state["isPaused"] as? Bool == false)
  }

  @Test("a filter that is wrong is a usage error that says where: 2") func filter() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"], body: #"{"type":"email.send","data":{"user":{"id":42}}}"#)
    let wrong = try await broker.run("dead", "ls", "--where", "name:a que:b")
    #expect(
      wrong.status == 2 && wrong.errors.contains("column 8") && wrong.errors.contains("no field 'que'"),
      "\(wrong.errors)")
    #expect(try await broker.run("dead", "ls", "--where", "queue:mail data.user.id=42 refused").rows.count == 2)
    #expect(try await broker.run("dead", "ls", "--where", "data.user.id=4").rows.isEmpty)
    #expect(try await broker.run("dead", "replay", "--where", "data.user.id=4", "--yes").status == 4)
    #expect(try await broker.run("dead", "replay", "--where", "data.user.id=42", "--yes").output == "2 replayed\n")
    #expect(try await broker.run("dead", "replay", "--all", "--rate", "fast").status == 2)
  }

  @Test("a queue says why nothing of it is handled") func hindrances() async throws {
    let broker = try await SeededBroker()
    try await broker.enqueue(["a"])
    let alone = try await broker.run("queue", "show", "mail")
    #expect(alone.output.contains("waits because\tno worker consumes 'mail'"), "\(alone.output)")
    _ = try await broker.run("queue", "pause", "mail")
    let paused: [String: Any] = try await broker.run("queue", "show", "mail", "--json").json()
    let kinds = (paused["hindrances"] as? [[String: Any]])?.compactMap { $0["kind"] as? String }
    #expect(kinds == ["paused", "no-worker"])
    #expect(paused["ready"] as? Int == 1)
  }
}

extension SeededBroker {
  /// Parks jobs `1` to `count`, many at once.
  func parkMany(_ count: Int) async throws {
    try await open { broker in
      for start in stride(from: 0, to: count, by: 1_000) {
        let ids = (start..<min(start + 1_000, count)).map { MessageID("\($0 + 1)") }
        _ = try await broker.publish(
          ids.map { Publication(Message(id: $0, name: "email.send", body: Data("{}".utf8)), to: .queue("mail")) })
        try await broker.consume("mail", prefetch: ids.count) { consumer in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in ids {
              guard let delivery = await consumer.next() else { return }
              group.addTask {
                _ = try await broker.settle(
                  delivery, as: .deadLetter(DeadLetterReason(.exhausted, "MailError: refused"), History(attempts: 3)))
              }
            }
            try await group.waitForAll()
          }
        }
      }
    }
  }
}
