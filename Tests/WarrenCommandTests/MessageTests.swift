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
}
