import Foundation
import Testing
import Warren
import WarrenSQLite

@Suite("warren message") struct MessageTests {
  @Test("those that run, that are ready and that are delayed, with their times") func list() async throws {
    let broker = try await SeededBroker()
    let due = Date().addingTimeInterval(3600)
    try await broker.enqueue(["a", "b"])
    try await broker.open { engine in
      var job = Publication(
        Message(id: "later", name: "email.send", body: Data(#"{"otp":"483920"}"#.utf8), timestamp: Date()),
        to: .queue("mail"))
      job.notBefore = due
      _ = try await engine.publish([job])
      try await engine.consume("mail", prefetch: 1) { consumer in
        _ = await consumer.next()
        let run = try await broker.run("message", "ls", "mail", "--columns", "id,state,due,since,attempts")
        #expect(
          run.rows.map { Array($0.prefix(2)) } == [["a", "running"], ["b", "ready"], ["later", "delayed"]], "\(run)")
        #expect(run.rows[0][3] != "" && run.rows[1][2] == "" && run.rows[2][2] != "")
        let json: [[String: Any]] = try await broker.run("message", "ls", "mail", "--state", "running", "--json").json()
        #expect(json.count == 1 && json[0]["worker"] != nil && json[0]["since"] != nil)
      }
    }
    let some = try await broker.run("message", "ls", "mail", "--limit", "1")
    #expect(some.rows.count == 1 && some.errors.contains("there are more"))
    #expect(try await broker.run("message", "ls", "missing").status == 4)
    #expect(try await broker.run("message", "ls", "mail", "--state", "gone").status == 2)
    let none = try await broker.run("message", "ls", "audit")
    #expect(none.status == 0 && none.output.isEmpty && none.errors.contains("empty"))
    let shown = try await broker.run("message", "show", "later")
    #expect(shown.status == 0 && shown.output.contains("delayed") && !shown.output.contains("483920"))
    #expect(try await broker.run("message", "show", "later", "--unmask").output.contains("483920"))
    #expect(try await broker.run("message", "show", "later", "--queue", "audit").status == 4)
    #expect(try await broker.run("message", "show", "missing").status == 4)
  }

  @Test("--where finds among them, bodies included; a filter that is wrong says where: 2") func filtered() async throws
  {
    let broker = try await SeededBroker()
    try await broker.enqueue(["a", "b"], body: #"{"to":"ann@example.org","n":1}"#)
    try await broker.enqueue(["c"], body: #"{"to":"bob@example.org","n":7}"#, headers: ["x-tenant": "acme"])
    func ids(_ filter: String, _ more: String...) async throws -> [String] {
      let command = ["message", "ls", "mail", "--columns", "id", "--where", filter] + more
      return try await warren(command, environment: ["WARREN_BROKER": broker.address]).rows.map { $0[0] }
    }
    #expect(try await ids("data.to:bob*") == ["c"])
    #expect(try await ids("header.x-tenant:acme") == ["c"])
    #expect(try await ids("id!=a") == ["b", "c"])
    #expect(try await ids("ann@example.org", "--limit", "1") == ["a"])
    #expect(try await ids("name:email.*", "--state", "delayed") == [])
    let wrong = try await broker.run("message", "ls", "mail", "--where", "que:b")
    #expect(wrong.status == 2 && wrong.errors.contains("no field 'que'"), "\(wrong.errors)")
    #expect(
      try await broker.run("message", "ls", "mail", "--where", "id:none").errors.contains(
        "no message of 'mail' matches"))
  }

  @Test("one that waits is run now and deleted by its id; without a terminal deleting wants --yes") func changed()
    async throws
  {
    let broker = try await SeededBroker()
    try await broker.enqueue(["a"])
    try await broker.open { engine in
      _ = try await engine.publish([
        Publication(
          Message(id: "later", name: "email.send", body: Data("{}".utf8)), to: .queue("mail"),
          notBefore: Date().addingTimeInterval(3600))
      ])
    }
    let run = try await broker.run("message", "run", "later", "--queue", "mail")
    #expect(run.status == 0 && run.output.contains("later waits for a worker now"), "\(run)")
    let states = try await broker.run("message", "ls", "mail", "--columns", "id,state")
    #expect(states.rows == [["a", "ready"], ["later", "ready"]], "\(states)")
    #expect(try await broker.run("message", "delete", "a", "--queue", "mail").status == 2)
    let deleted: [String: Any] = try await broker.run(
      "message", "delete", "a", "--queue", "mail", "--yes", "--json"
    ).json()
    #expect(deleted["messages"] as? Int == 1 && deleted["id"] as? String == "a")
    let again = try await broker.run("message", "delete", "a", "--queue", "mail", "--yes")
    #expect(again.status == 4 && again.errors.contains("no message 'a' waits in 'mail' now"), "\(again)")
    #expect(try await broker.run("message", "run", "later", "--queue", "missing").status == 4)
    let audit = try await broker.run("audit", "ls", "--columns", "action")
    #expect(audit.output.contains("message.run") && audit.output.contains("message.delete"), "\(audit)")
  }

  @Test("one says why it is not being handled") func hindered() async throws {
    let broker = try await SeededBroker()
    try await broker.enqueue(["a"])
    _ = try await broker.run("queue", "pause", "mail")
    let shown = try await broker.run("message", "show", "a")
    #expect(shown.output.contains("'mail' is paused") && shown.output.contains("no worker consumes 'mail'"), "\(shown)")
    let json: [String: Any] = try await broker.run("message", "show", "a", "--json").json()
    let kinds = (json["hindrances"] as? [[String: Any]])?.compactMap { $0["kind"] as? String }
    #expect(kinds == ["paused", "no-worker"] && json["id"] as? String == "a")
  }
}
