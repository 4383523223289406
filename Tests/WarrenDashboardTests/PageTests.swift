import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("Pages") struct PageTests {
  @Test("every page answers on an empty broker and says why it is empty") func empty() async throws {
    try await Stage.run { stage in
      for path in [
        "", "queues", "queue?name=mail", "dead-letters", "failures", "workers", "topology", "operations", "schedules",
        "outbox", "broker", "messages?queue=mail", "audit",
      ] {
        let page = try await stage.page(path)
        #expect(page.contains("<main") && page.contains("production") && page.contains("Skip to the content"))
      }
      #expect(try await stage.page("dead-letters").contains("No dead letters"))
      #expect(try await stage.page("dead-letters?error=x").contains("No dead letter matches"))
      #expect(try await stage.page("failures").contains("No failures"))
      #expect(try await stage.page("workers").contains("No workers"))
      #expect(try await stage.page("queues?q=zzz").contains("No queue matches"))
      #expect(try await stage.get("queue?name=none").status == .notFound)
      #expect(try await stage.get("dead-letters?age=soon").status == .badRequest)
    }
  }

  @Test("pausing, resuming and purging, with the name typed") func queue() async throws {
    try await Stage.run { stage in
      _ = try await stage.broker.publish([
        Publication(Message(id: "a", name: "email.send", body: Data()), to: .queue("mail")),
        Publication(Message(id: "b", name: "email.send", body: Data()), to: .queue("mail")),
      ])
      #expect(try await stage.page("queue?name=mail").contains("no worker consumes"))
      let paused = try await stage.post("queue/pause", [("name", "mail")])
      #expect(
        paused.status == .seeOther && paused.headers[.location]?.hasPrefix("/admin/queues/queue?name=mail") == true)
      #expect(try await stage.queue("mail")?.isPaused == true)
      #expect(try await stage.page("queue?name=mail").contains("is paused"))
      _ = try await stage.post("queue/resume", [("name", "mail")])
      #expect(try await stage.queue("mail")?.isPaused == false)
      #expect(try await stage.page("queue/purge?name=mail").contains("Purge 2 messages"))
      #expect(try await stage.post("queue/purge", [("name", "mail"), ("typed", "male")]).status == .badRequest)
      #expect(try await stage.ready("mail") == 2)
      let purged = try await stage.post("queue/purge", [("name", "mail"), ("typed", "mail")])
      #expect(purged.headers[.location]?.contains("done=purged&count=2") == true)
      #expect(try await stage.ready("mail") == 0)
      let audit = try await stage.page("audit")
      #expect(audit.contains("queue.purge") && audit.contains(">2<") && audit.contains("ann"))
    }
  }

  @Test("a page shows a hundred of many queues, and leads to the rest") func manyQueues() async throws {
    try await Stage.run { stage in
      let names = (100..<350).map { QueueName("work.\($0)") }
      try await stage.broker.apply(
        try Topology(
          exchanges: ["works"], queues: names.map { Queue($0, deadLetter: .queue("given-up")) },
          bindings: names.map { Binding($0, to: "works", key: "\($0)") }))
      let first = try await stage.page("queues?q=work.")
      #expect(first.contains(">work.100<") && first.contains(">work.199<") && !first.contains(">work.200<"))
      #expect(first.contains("1 to 100 of 250 queues") && first.contains("queues?q=work.&amp;from=100"))
      #expect(!first.contains("Previous"))
      let last = try await stage.page("queues?q=work.&from=200")
      #expect(last.contains(">work.349<") && !last.contains(">work.299<") && last.contains("201 to 250 of 250 queues"))
      #expect(last.contains("queues?q=work.&amp;from=100") && !last.contains("Next"))
      for nonsense in ["-1", "250", "99999999999999999999", "x"] {
        #expect(try await stage.page("queues?q=work.&from=\(nonsense)").contains("1 to 100 of 250 queues"))
      }
      let topology = try await stage.page("topology")
      #expect(topology.contains("and 230 more, which the command line lists"))
      #expect(topology.contains("topology?from=100") && topology.utf8.count < 100_000)
      // A list to choose from would be longer than the page.
      #expect(try await stage.page("dead-letters?origin=work.300").contains("value=\"work.300\""))
      #expect(!(try await stage.page("dead-letters")).contains("work.300"))
    }
  }

  @Test("the filter is in the address") func filter() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1", "m2", "m3"])
      try await stage.park(["t1", "t2"], error: "Timeout", message: "after 5 s")
      #expect(try await stage.page("dead-letters").contains("5 dead letters, the oldest first"))
      let filtered = try await stage.page("dead-letters?error=Timeout")
      #expect(filtered.contains("t1") && !filtered.contains("m1"))
    }
  }

  @Test("those that were ticked are acted on; deleting asks first") func selected() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1", "m2", "m3"])
      let picks = [("pick", "queue=mail.dlq&id=m1"), ("pick", "queue=mail.dlq&id=m3")]
      #expect(try await stage.post("dead-letters/selected", [("do", "replay")]).status == .badRequest)
      let confirm = try await stage.post("dead-letters/selected", picks + [("do", "delete")])
      #expect(confirm.status == .ok && String(buffer: confirm.body).contains("Delete 2 dead letters"))
      #expect(try await stage.ready("mail.dlq") == 3)
      let deleted = try await stage.post("dead-letters/selected", Self.hidden(String(buffer: confirm.body)))
      #expect(deleted.headers[.location]?.contains("done=deleted&count=2") == true)
      #expect(try await stage.ready("mail.dlq") == 1)
      let replayed = try await stage.post(
        "dead-letters/selected", [("do", "replay"), ("pick", "queue=mail.dlq&id=m2"), picks[0]])
      #expect(replayed.headers[.location]?.contains("done=replayed&count=1&missing=1") == true)
    }
  }

  @Test("a page of fifty leads to the next") func pages() async throws {
    try await Stage.run { stage in
      try await stage.park((1...60).map { MessageID("m\($0)") })
      let first = try await stage.page("dead-letters")
      let next = try #require(first.firstMatch(of: /href="\/admin\/queues\/(dead-letters\?after=[0-9]+)"/))
      let second = try await stage.page(String(next.1))
      #expect(second.matches(of: /name="pick"/).count == 10 && second.contains("These are the last"))
    }
  }

  @Test("a dead letter shows its body exactly, hides its secrets, and uncovers them on record") func letter()
    async throws
  {
    try await Stage.run { stage in
      let body = #"{"id":12345678901234567890123,"price":1.10,"password":"hunter2","nested":{"list":[1,2]}}"#
      try await stage.park(["m1"], body: body, headers: ["authorization": "Bearer abc"])
      let page = try await stage.page("dead-letter?id=m1&queue=mail.dlq")
      #expect(page.contains("12345678901234567890123") && page.contains(">1.10<"))
      #expect(!page.contains("hunter2") && !page.contains("Bearer abc") && page.contains("Attempt 2 failed"))
      let revealed = String(
        buffer: try await stage.post("dead-letter/reveal", [("id", "m1"), ("queue", "mail.dlq")]).body)
      #expect(revealed.contains("hunter2") && revealed.contains("Bearer abc"))
      #expect(try await stage.page("audit").contains("message.reveal"))
    }
  }

  @Test("editing shows the difference, then publishes the copy in its place; the second person is told") func edit()
    async throws
  {
    try await Stage.run { stage in
      try await stage.park(["m1"], body: #"{"to":"wrong","n":12345678901234567890}"#, headers: ["x-mine": "1"])
      let one = [("id", "m1"), ("queue", "mail.dlq")]
      let form = String(buffer: try await stage.post("dead-letter/edit", one).body)
      #expect(form.contains("x-mine: 1") && form.contains("&quot;to&quot;: &quot;wrong&quot;"))
      let same = [("headers", "x-mine: 1"), ("body", "{\r\n \"to\": \"wrong\", \"n\": 12345678901234567890}")]
      #expect(
        String(buffer: try await stage.post("dead-letter/edit", one + same + [("step", "preview")]).body).contains(
          "Nothing was changed"))
      let changed = one + [("headers", "x-mine: 2"), ("body", "{\"to\":\"right\",\"n\":12345678901234567890}")]
      let preview = String(buffer: try await stage.post("dead-letter/edit", changed + [("step", "preview")]).body)
      #expect(preview.contains("<del>-   &quot;to&quot;: &quot;wrong&quot;") && preview.contains("<ins>+ x-mine: 2"))
      #expect(try await stage.post("dead-letter/edit", changed + [("step", "publish")]).status == .seeOther)
      #expect(try await stage.ready("mail.dlq") == 0)
      #expect(try await stage.ready("mail") == 1)
      try await stage.broker.consume("mail", prefetch: 1) { consumer in
        let copy = await consumer.next()?.message
        #expect(copy?.body == Data(#"{"to":"right","n":12345678901234567890}"#.utf8))
        #expect(copy?.headers["x-mine"] == "2" && copy?.headers["warren-edited-from"] == "m1" && copy?.id != "m1")
      }
      let late = try await stage.post("dead-letter/edit", changed + [("step", "publish")])
      #expect(late.status == .conflict && String(buffer: late.body).contains("meanwhile"))
      #expect(try await stage.post("dead-letter/replay", one).status == .conflict)
    }
  }

  @Test("the editor hides secrets, which stay; they are uncovered on record") func hiddenWhileEditing() async throws {
    try await Stage.run { stage in
      try await stage.park(
        ["m1"], body: #"{"type":"email.send","data":{"to":"wrong","password":"hunter2"}}"#,
        headers: ["authorization": "Bearer sesame"])
      let one = [("id", "m1"), ("queue", "mail.dlq")]
      func edit(_ fields: [(String, String)]) async throws -> String {
        String(buffer: try await stage.post("dead-letter/edit", one + fields).body)
      }
      let form = try await edit([])
      #expect(!form.contains("hunter2") && !form.contains("sesame") && form.contains("***2***"))
      #expect(!form.contains("email.send&quot;") && form.contains("without the envelope"))
      #expect(try await !stage.page("audit").contains("message.reveal"))
      let changed = [
        ("headers", "authorization: ***1***"), ("body", #"{"to":"right","password":"***2***"}"#),
      ]
      let preview = try await edit(changed + [("step", "preview")])
      #expect(preview.contains("right") && !preview.contains("hunter2") && !preview.contains("sesame"))
      let mangled = try await stage.post(
        "dead-letter/edit", one + [("body", #"{"password":"x***2***"}"#), ("step", "preview")])
      #expect(mangled.status == .badRequest && String(buffer: mangled.body).contains("replace the whole value"))
      #expect(String(buffer: mangled.body).contains("<textarea"), "what was written is still there")
      let uncovered = try await edit([("step", "uncover")])
      #expect(uncovered.contains("hunter2") && uncovered.contains("Bearer sesame"))
      #expect(try await stage.page("audit").contains("message.reveal"))
      #expect(try await stage.post("dead-letter/edit", one + changed + [("step", "publish")]).status == .seeOther)
      try await stage.broker.consume("mail", prefetch: 1) { consumer in
        let copy = await consumer.next()?.message
        #expect(copy?.body == Data(#"{"type":"email.send","data":{"to":"right","password":"hunter2"}}"#.utf8))
        #expect(copy?.headers["authorization"] == "Bearer sesame")
      }
    }
  }

  @Test("a text with secrets that is no JSON is edited only with all of it shown, by who may see it")
  func coveredText() async throws {
    try await Stage.run(rule: { action, _ in action != .reveal }) { stage in
      try await stage.park(["m1"], body: "dear ann, password=hunter2")
      let one = [("id", "m1"), ("queue", "mail.dlq")]
      let page = String(buffer: try await stage.post("dead-letter/edit", one).body)
      #expect(page.contains("Parts of the body are hidden") && !page.contains("hunter2") && !page.contains("Show it"))
      for fields in [[("step", "uncover")], [("step", "preview"), ("uncovered", "yes"), ("body", "x")]] {
        #expect(try await stage.post("dead-letter/edit", one + fields).status == .forbidden)
      }
    }
  }

  @Test("dead letters with one cause are one group") func groups() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1"], message: "no book 17")
      try await stage.park(["m2"], message: "no book 18")
      try await stage.park(["m3"], error: "Timeout", message: "after 5 s")
      let page = try await stage.page("failures")
      #expect(page.contains("2 groups of 3 dead letters") && page.contains("MailError"))
    }
  }

  @Test("a group is resolved, comes back, is ignored and opened again") func marks() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1"], message: "no book 17")
      #expect(try await stage.page("failures").contains(">new<"))
      let group = try #require(try await stage.page("failures").firstMatch(of: /name="group" value="(\w+)"/)?.1)
      func mark(_ word: String) async throws -> HTTPResponse.Status {
        try await stage.post("failure/mark", [("group", "\(group)"), ("as", word)], as: "operator").status
      }
      #expect(try await mark("resolved") == .seeOther)
      let resolved = try await stage.page("failures")
      #expect(resolved.contains(">resolved<") && resolved.contains("resolved by ann") && !resolved.contains(">new<"))
      stage.broker.advance(by: .seconds(1))
      try await stage.park(["m2"], message: "no book 18")
      #expect(try await stage.page("failures").contains(">returned<"))
      #expect(try await mark("ignored") == .seeOther)
      #expect(try await stage.page("failures").contains(">ignored<"))
      #expect(try await mark("open") == .seeOther)
      #expect(try await stage.page("failures").contains(">new<"))
      #expect(try await mark("gone") == .badRequest)
      let unknown = [("group", "none"), ("as", "resolved")]
      #expect(try await stage.post("failure/mark", unknown, as: "operator").status == .notFound)
      #expect(try await stage.page("audit").contains("failure.resolved"))
    }
  }

  @Test("nothing that a message says becomes markup") func injection() async throws {
    let attacks = [
      "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg/onload=alert(1)>",
      "</title><script>x</script>",
      "javascript:alert(1)", "</textarea><script>x</script>", "{{7*7}}${7*7}", "\u{202E}evil", "<!--", "]]>",
      "&lt;script&gt;",
      "</script><script>x</script>", "%3Cscript%3E",
    ]
    try await Stage.run { stage in
      for (number, attack) in attacks.enumerated() {
        let name = QueueName("q\(attack)")
        try await stage.broker.apply(try Topology(queues: [Queue(name)]))
        let id = MessageID("m\(number)\(attack)")
        try await stage.park(
          [id], name: MessageName(attack),
          body: "{\"\(number)\":\(String(decoding: try JSONEncoder().encode([attack: attack]), as: UTF8.self))}",
          headers: ["x-\(number)": attack, attack: "x"], error: attack, message: attack)
        let one = Link(prefix: "", path: "dead-letter").with("id", id.rawValue).with("queue", "mail.dlq").text
          .dropFirst()
        let two = Link(prefix: "", path: "queue").with("name", name.rawValue).text.dropFirst()
        let list = Link(prefix: "", path: "dead-letters").with("error", attack).with("name", attack).text.dropFirst()
        var pages: [String] = []
        for path in [one, two, list] { pages.append(try await stage.page(String(path))) }
        let form = [("id", id.rawValue), ("queue", "mail.dlq")]
        pages.append(String(buffer: try await stage.post("dead-letter/edit", form).body))
        let missing = Link(prefix: "", path: "queue").with("name", "none" + attack).text.dropFirst()
        pages.append(String(buffer: try await stage.get(String(missing)).body))
        for page in pages { Self.expectSafe(page, attack) }
      }
      for path in ["", "queues", "dead-letters", "failures", "topology", "audit"] {
        Self.expectSafe(try await stage.page(path), path)
      }
    }
  }

  private static func expectSafe(_ page: String, _ what: String) {
    #expect(!page.contains("<img") && !page.contains("<svg/onload") && !page.contains("<!--"), "\(what)")
    #expect(page.matches(of: /<script/).count == 1, "\(what)")
    #expect(!page.contains("href=\"javascript") && !page.contains("\u{202E}"), "\(what)")
    #expect(
      page.matches(of: /\son[a-z]+=/).allSatisfy { match in !Self.isInsideTag(page, match.range.lowerBound) }, "\(what)"
    )
  }

  private static func isInsideTag(_ page: String, _ index: String.Index) -> Bool {
    let before = page[..<index]
    guard let open = before.lastIndex(of: "<") else { return false }
    let inside = before[open...]
    // Within the quotes of a value it is text.
    return !inside.contains(">") && inside.count { $0 == "\"" } % 2 == 0
  }

  /// The hidden fields of the form in a page, as a browser would send them.
  static func hidden(_ page: String) -> [(String, String)] {
    page.matches(of: /<input type="hidden" name="([^"]*)" value="([^"]*)">/).map { match in
      (
        String(match.1),
        String(match.2).replacing("&amp;", with: "&").replacing("&quot;", with: "\"").replacing("&#39;", with: "'")
      )
    }.filter { $0.0 != "token" }
  }
}
