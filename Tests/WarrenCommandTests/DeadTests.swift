import Foundation
import Testing
import Warren
import WarrenSQLite

@Suite("warren dead") struct DeadTests {
  private static let secretBody =
    #"{"type":"email.send","data":{"to":"ann@example.org","otp":"483920","n":12345678901234567890}}"#

  @Test("a list, and none") func list() async throws {
    let broker = try await SeededBroker()
    let none = try await broker.run("dead", "ls")
    #expect(none.status == 0 && none.output.isEmpty && none.errors == "no dead letters\n")
    #expect(try await broker.run("dead", "ls", "--json").output == "[]\n")
    try await broker.park(["a", "b", "c"])
    let all = try await broker.run("dead", "ls")
    #expect(all.rows.map(\.first) == ["a", "b", "c"])
    #expect(all.rows.first?.starts(with: ["a", "mail", "email.send", "exhausted", "3"]) == true)
    #expect(try await broker.run("dead", "ls", "--limit", "2").errors.contains("there are more"))
    #expect(try await broker.run("dead", "ls", "--origin", "audit").output.isEmpty)
    #expect(try await broker.run("dead", "ls", "--where", "mx1").rows.count == 3)
    #expect(try await broker.run("dead", "ls", "--name", "email.send", "--queue", "mail.dlq", "b").rows.count == 1)
    #expect(try await broker.run("dead", "ls", "missing").status == 4)
    let json: [[String: Any]] = try await broker.run("dead", "ls", "--json").json()
    #expect(json.count == 3)
  }

  @Test("one in full, its secrets hidden unless asked for") func show() async throws {
    let broker = try await SeededBroker()
    try await broker.park(
      ["a"], body: Self.secretBody, headers: ["authorization": "Bearer sesame", "x-user-id": "u7"],
      message: "login failed with password=hunter2")
    let run = try await broker.run("dead", "show", "a")
    #expect(run.status == 0)
    for secret in ["483920", "sesame", "hunter2"] { #expect(!run.output.contains(secret)) }
    for part in ["exhausted", "MailError: login failed", "mail.dlq", "u7", "12345678901234567890", "attempt 3"] {
      #expect(run.output.contains(part), "\(part) is missing in \(run.output)")
    }
    #expect(run.errors.contains("--unmask"))
    let open = try await broker.run("dead", "show", "a", "--unmask")
    for secret in ["483920", "sesame", "hunter2"] { #expect(open.output.contains(secret)) }
    let json: [String: Any] = try await broker.run("dead", "show", "a", "--json").json()
    #expect((json["failures"] as? [Any])?.count == 3)
    #expect((json["body"] as? [String: Any])?["isMasked"] as? Bool == true)
    let missing = try await broker.run("dead", "show", "missing")
    #expect(missing.status == 4 && missing.output.isEmpty)
  }

  @Test("large bodies come page by page, and only where they are shown") func largeBodies() async throws {
    let broker = try await SeededBroker()
    let body = "\"" + String(repeating: "~", count: 5 << 20) + "\""
    try await broker.park(["a", "b", "c"], body: body)
    try await broker.open { engine in
      let page = try await engine.deadLetters(DeadLetterSelection(limit: .max))
      #expect(page.letters.map(\.message.id) == ["a", "b"])
      let rest = try await engine.deadLetters(DeadLetterSelection(limit: .max, after: page.next))
      #expect(rest.letters.map(\.message.id) == ["c"] && rest.next == nil)
      var selection = DeadLetterSelection(ids: ["c", "a", "none"], limit: .max)
      selection.includesBodies = false
      let counted = try await engine.deadLetters(selection)
      #expect(counted.letters.map(\.message.id) == ["a", "c"] && counted.next == nil)
      #expect(counted.letters.allSatisfy { $0.message.body.isEmpty })
    }
    let run = try await shell(
      #""$WARREN" dead ls --json | tr -cd '~' | wc -c; "$WARREN" dead ls --columns id"#,
      environment: ["WARREN_BROKER": broker.address])
    #expect(run.rows.map { $0.joined() } == ["\(3 * (5 << 20))", "a", "b", "c"], "\(run.errors)")
  }

  @Test("what a message says cannot command the terminal") func escapes() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"], body: "\"x\u{9B}y\"", message: "\u{1B}[2Jgone\u{7}")
    for command in [["show", "a"], ["ls"], ["groups"]] {
      let run = try await warrenOnTerminal(["--broker", broker.address, "--no-color", "dead"] + command)
      #expect(run.screen.contains("^[[2Jgone"), "\(run.screen)")
      #expect(!run.screen.contains("\u{1B}") && !run.screen.contains("\u{9B}"))
    }
  }

  @Test("groups by cause") func groups() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"], message: "no mailbox 17")
    try await broker.park(["c"], message: "no mailbox 18")
    try await broker.park(["d"], message: "timeout")
    let groups: [[String: Any]] = try await broker.run("dead", "groups", "--json").json()
    #expect(groups.map { $0["count"] as? Int } == [3, 1])
    #expect(try await broker.run("dead", "groups").rows.count == 2)
    let largest = try #require(try await broker.run("dead", "groups").rows.first?.first)
    #expect(try await broker.run("dead", "mark", "\(largest)", "resolved").rows.first?.contains("resolved") == true)
    // What nothing is to be done about comes last.
    #expect(try await broker.run("dead", "groups").rows.last?.first == largest)
    try await broker.park(["e"], message: "no mailbox 19")
    #expect(try await broker.run("dead", "groups").rows.first?.contains("returned") == true)
    let unknown = try await broker.run("dead", "mark", "none", "ignored")
    #expect(unknown.status != 0 && unknown.errors.contains("warren dead groups"), "\(unknown.errors)")
  }

  @Test("one goes back without a question") func replayOne() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"])
    let run = try await broker.run("dead", "replay", "a")
    #expect(run.status == 0 && run.output == "1 replayed\n", "\(run.errors)")
    #expect(try await broker.ready("mail") == 1)
    let delivery = try #require(try await broker.messages(1).first)
    #expect(delivery.message.id == "a")
    #expect(delivery.history.replays == 1 && delivery.history.attempts == 0)
  }

  @Test("many: a look first, then a question, and in a pipe --yes") func replayMany() async throws {
    let broker = try await SeededBroker()
    try await broker.park((1...7).map { MessageID("m\($0)") })
    #expect(try await broker.run("dead", "replay").status == 2)
    let dry = try await broker.run("dead", "replay", "--all", "--dry-run")
    #expect(dry.status == 0 && dry.output == "7 would be replayed\n")
    #expect(dry.errors.contains("m5") && !dry.errors.contains("m6") && dry.errors.contains("2 more"))
    let asked = try await broker.run("dead", "replay", "--all")
    #expect(asked.status == 2 && asked.errors.contains("--yes"))
    let declined = try await broker.onTerminal("dead", "replay", "--all", typing: [("[y/N] ", "")])
    #expect(declined.status == 1)
    #expect(try await broker.ready("mail.dlq") == 7)
    let first: [String: Any] = try await broker.run("dead", "replay", "--all", "--first", "2", "--yes", "--json").json()
    #expect(first["done"] as? Int == 2 && first["matched"] as? Int == 2)
    let rest = try await broker.onTerminal("dead", "replay", "--queue", "mail.dlq", typing: [("[y/N] ", "y")])
    #expect(rest.status == 0 && rest.screen.hasSuffix("5 replayed\n"), "\(rest.screen)")
    #expect(try await broker.ready("mail") == 7)
  }

  @Test("some and not others: 3; none: 4") func partial() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"])
    let some = try await broker.run("dead", "replay", "a", "missing")
    #expect(some.status == 3 && some.output == "1 replayed\n")
    #expect(some.errors.contains("missing"))
    let none = try await broker.run("dead", "replay", "missing")
    #expect(none.status == 4 && none.output.isEmpty)
    #expect(try await broker.run("dead", "delete", "--where", "nothing like it", "--yes").status == 4)
  }

  @Test("a time that is shown selects what it shows") func times() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"])
    let list: [[String: Any]] = try await broker.run("dead", "ls", "--json").json()
    let time = try #require(list.first?["time"] as? String)
    let row = try await broker.run("dead", "ls").output.split(separator: "\t").map(String.init)
    let shown = try #require(row.first { $0.hasPrefix("20") })
    let second = String(time.prefix(19))
    for text in [time, shown, "\(second)Z", "\(second)+0000", "\(second.replacing("T", with: " "))Z"] {
      #expect(try await broker.run("dead", "ls", "--until", text).output.contains("mail"), "\(text)")
    }
    #expect(try await broker.run("dead", "ls", "--until", "2020-01-01 00:00:00.123456").output.isEmpty)
    #expect(try await broker.run("dead", "ls", "--until", "yesterday").status == 2)
  }

  @Test("two with one id are shown and edited one by one") func addresses() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "a"])
    let rows = try await broker.run("dead", "ls", "--columns", "id").output.split(separator: "\n").map(String.init)
    #expect(rows.count == 2 && rows[0] == "a" && rows[1].hasPrefix("@"))
    let ambiguous = try await broker.run("dead", "edit", "a", "--header", "x=1")
    #expect(ambiguous.status != 0 && ambiguous.errors.contains(rows[1]), "\(ambiguous.errors)")
    #expect(try await broker.run("dead", "edit", rows[1], "--header", "x=1").status == 0)
    #expect(try await broker.run("dead", "show", rows[1]).status == 4)
    #expect(try await broker.run("dead", "replay", "a").output == "1 replayed\n")
  }

  @Test("what was deleted is listed and put back") func restore() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"])
    let deleted = try await broker.run("dead", "delete", "a", "b", "--yes")
    #expect(deleted.output == "2 deleted\n" && deleted.errors.contains("`warren dead restore` puts them back for 1 d"))
    let list = try await broker.run("dead", "restore")
    #expect(list.rows.map { $0[1] } == ["b", "a"], "\(list.output)")
    #expect(try await broker.run("dead", "restore", "a").output == "1 restored\n")
    #expect(try await broker.ready("mail.dlq") == 1)
    #expect(try await broker.run("dead", "undelete", "a").status == 4)
    #expect(try await broker.run("dead", "undelete", try #require(list.rows.first)[0]).status == 0)
    #expect(try await broker.run("audit", "ls").output.contains("dead.restore"))
  }

  @Test("deleting asks even for one") func delete() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"])
    #expect(try await broker.run("dead", "delete", "a").status == 2)
    #expect(try await broker.run("dead", "delete", "a", "--yes").output == "1 deleted\n")
    #expect(try await broker.ready("mail.dlq") == 1)
  }

  @Test("a message that several queues gave up on needs a queue: 2, with the option") func severalQueues() async throws
  {
    let broker = try await SeededBroker()
    try await broker.park(["a"])
    try await broker.open { broker in
      try await broker.apply(Topology(queues: ["sms"]))
      _ = try await broker.publish([
        Publication(Message(id: "a", name: "sms.send", body: Data("{}".utf8)), to: .queue("sms"))
      ])
      try await broker.consume("sms", prefetch: 1) { consumer in
        guard let delivery = await consumer.next() else { return }
        _ = try await broker.settle(delivery, as: .deadLetter(DeadLetterReason(.exhausted, "x"), History(attempts: 1)))
      }
    }
    let run = try await broker.run("dead", "edit", "a", "--header", "x=1")
    #expect(run.status == 2 && run.errors.contains("name it with --queue"), "\(run.errors)")
    #expect(try await broker.run("dead", "edit", "a", "--header", "x=1", "--queue", "sms.dlq").status == 0)
  }

  @Test("a changed copy with an id of its own") func edit() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"], headers: ["x-user-id": "u7"])
    #expect(try await broker.run("dead", "edit", "a").status == 2)
    let invalid = try await broker.run("dead", "edit", "a", "--body", "-", input: "{")
    #expect(invalid.status == 2 && invalid.errors.contains("not JSON"))
    #expect(try await broker.run("dead", "edit", "a", "--header", "x-user-id=u7").status == 1)
    let run = try await broker.run(
      "dead", "edit", "a", "--body", "-", "--header", "x-why=typo", "--json", input: #"{"to":"bob@example.org"}"#)
    #expect(run.status == 0, "\(run.errors)")
    let json: [String: Any] = try run.json()
    #expect(json["editedFrom"] as? String == "a")
    let copy = try #require(try await broker.messages(1).first).message
    #expect(copy.id?.rawValue == json["id"] as? String)
    #expect(String(decoding: copy.body, as: UTF8.self) == #"{"to":"bob@example.org"}"#)
    #expect(copy.headers == ["x-user-id": "u7", "x-why": "typo", "warren-edited-from": "a"])
    #expect(try await broker.ready("mail.dlq") == 0)
    #expect(try await broker.run("dead", "edit", "a", "--body", "-", input: "{}").status == 4)
  }

  @Test("in an editor: changes are shown and asked about") func editor() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"], headers: ["x-user-id": "u7"])
    let untouched = try await broker.onTerminal("dead", "edit", "a", environment: ["EDITOR": "true"])
    #expect(untouched.status == 1 && untouched.screen.contains("nothing was changed"))
    let failed = try await broker.onTerminal("dead", "edit", "a", environment: ["EDITOR": "false"])
    #expect(failed.status == 1 && failed.screen.contains("the editor 'false'"))
    let editor = ["EDITOR": "sed -i -e s/ann@/bob@/ -e s/u7/u8/"]
    let declined = try await broker.onTerminal("dead", "edit", "a", typing: [("[y/N] ", "n")], environment: editor)
    #expect(declined.status == 1)
    let run = try await broker.onTerminal("dead", "edit", "a", typing: [("[y/N] ", "y")], environment: editor)
    #expect(run.status == 0, "\(run.screen)")
    #expect(run.screen.contains("- x-user-id: u7\n") && run.screen.contains("+ x-user-id: u8\n"))
    let copy = try #require(try await broker.messages(1).first).message
    #expect(String(decoding: copy.body, as: UTF8.self) == #"{"to":"bob@example.org"}"#)
    #expect(copy.headers["x-user-id"] == "u8")
  }

  @Test("a group is shown, replayed and deleted by its id, and nothing else is") func group() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a", "b"], message: "no mailbox 17")
    try await broker.park(["c"], message: "no mailbox 18")
    try await broker.park(["d", "e"], message: "timeout")
    let groups = try await broker.run("dead", "groups").rows
    let mailbox = try #require(groups.first?.first), timeout = try #require(groups.last?.first)
    #expect(try await broker.run("dead", "ls", "--group", mailbox).rows.map(\.first) == ["a", "b", "c"])
    let dry = try await broker.run("dead", "replay", "--group", mailbox, "--dry-run")
    #expect(dry.output == "3 would be replayed\n" && dry.errors.contains("3 dead letters"))
    #expect(try await broker.run("dead", "replay", "--group", mailbox, "--yes").output == "3 replayed\n")
    #expect(try await broker.run("dead", "replay", "--group", mailbox, "--yes").status == 4)
    #expect(try await broker.ready("mail") == 3)
    #expect(try await broker.run("dead", "delete", "--group", timeout, "--first", "1", "--yes").output == "1 deleted\n")
    #expect(try await broker.run("dead", "ls").rows.map(\.first) == ["e"])
  }

  private static let envelope =
    #"{"data":{"to":"ann@example.org","otp":"483920","n":1.50},"timestamp":"2026-11-26T08:00:00Z","type":"email.send"}"#

  @Test("an editor shows the content without its envelope and without its secrets, which stay") func editsContent()
    async throws
  {
    let broker = try await SeededBroker()
    try await broker.park(["a"], body: Self.envelope, headers: ["authorization": "Bearer sesame"])
    let copied = broker.directory.appendingPathComponent("seen").path
    let script = broker.directory.appendingPathComponent("editor.sh").path
    try "cp \"$1\" '\(copied)'; sed -i s/ann@/bob@/ \"$1\"\n".write(toFile: script, atomically: true, encoding: .utf8)
    let run = try await broker.onTerminal(
      "dead", "edit", "a", typing: [("[y/N] ", "y")], environment: ["EDITOR": "sh \(script)"])
    #expect(run.status == 0, "\(run.screen)")
    let seen = try String(contentsOfFile: copied, encoding: .utf8)
    #expect(seen.contains("\n{\n  \"to\": \"ann@example.org\",\n"), "\(seen)")
    for part in ["483920", "sesame", "timestamp", "email.send"] { #expect(!seen.contains(part), "\(seen)") }
    #expect(run.screen.contains("-   \"to\": \"ann@example.org\"") && run.screen.contains("+   \"to\": \"bob@"))
    #expect(!run.screen.contains("483920") && !run.screen.contains("sesame"))
    let copy = try #require(try await broker.messages(1).first).message
    #expect(String(decoding: copy.body, as: UTF8.self) == Self.envelope.replacingOccurrences(of: "ann@", with: "bob@"))
    #expect(copy.headers["authorization"] == "Bearer sesame")
  }

  @Test("what is not JSON is refused with its line, and can be edited again") func refusesInvalid() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"], body: Self.envelope)
    let broken = try await broker.onTerminal(
      "dead", "edit", "a", typing: [("[y/N] ", "n")], environment: ["EDITOR": "sed -i s/1.50/1.50x/"])
    #expect(
      broken.status == 1 && broken.screen.contains("line 7, column 12: a comma or } is missing"), "\(broken.screen)")
    #expect(try await broker.ready("mail.dlq") == 1)
    // The first time it breaks it, the second time it corrects it.
    let again = try await broker.onTerminal(
      "dead", "edit", "a", typing: [("again? [y/N] ", "y"), ("letter? [y/N] ", "y")],
      environment: ["EDITOR": "sed -i -e s/1.50$/1.75x/ -e t -e s/1.75x/1.75/"])
    #expect(again.status == 0, "\(again.screen)")
    let copy = try #require(try await broker.messages(1).first).message
    #expect(String(decoding: copy.body, as: UTF8.self) == Self.envelope.replacingOccurrences(of: "1.50", with: "1.75"))
  }

  @Test("--data is the content, and its envelope stays") func editsData() async throws {
    let broker = try await SeededBroker()
    try await broker.park(["a"], body: Self.envelope)
    #expect(try await broker.run("dead", "edit", "a", "--data", "{").status == 2)
    #expect(try await broker.run("dead", "edit", "a", "--data", "{}", "--body", "-").status == 2)
    #expect(try await broker.run("dead", "edit", "a", "--data", #"{"to":"bob"}"#).status == 0)
    let copy = try #require(try await broker.messages(1).first).message
    #expect(
      String(decoding: copy.body, as: UTF8.self)
        == #"{"data":{"to":"bob"},"timestamp":"2026-11-26T08:00:00Z","type":"email.send"}"#)
  }
}
