import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("Pages of messages") struct MessagePageTests {
  private func enqueue(_ stage: Stage, _ id: MessageID, after delay: TimeInterval? = nil, body: String) async throws {
    _ = try await stage.broker.publish([
      Publication(
        Message(
          id: id, name: "email.send", body: Data(body.utf8), headers: ["x-tenant": "acme"],
          timestamp: stage.broker.clock.now, source: "test"),
        to: .queue("mail"), notBefore: delay.map { stage.broker.clock.now.addingTimeInterval($0) })
    ])
  }

  @Test("a queue's messages, by state and by a search that looks inside") func list() async throws {
    try await Stage.run { stage in
      #expect(try await stage.page("messages?queue=mail").contains("&#39;mail&#39; is empty"))
      try await enqueue(stage, "m1", body: #"{"to":"ann@example.org"}"#)
      try await enqueue(stage, "m2", body: #"{"to":"bob@example.org"}"#)
      try await enqueue(stage, "m3", after: 600, body: #"{"to":"eve@example.org"}"#)
      #expect(try await stage.page("queue?name=mail").contains("messages?queue=mail"))
      let all = try await stage.page("messages?queue=mail")
      #expect(["m1", "m2", "m3"].allSatisfy(all.contains) && all.contains("delayed") && all.contains("in 10 min"))
      let delayed = try await stage.page("messages?queue=mail&state=delayed")
      #expect(delayed.contains("m3") && !delayed.contains(">m1<"))
      let found = try await stage.page("messages?queue=mail&q=data.to:bob*")
      #expect(found.contains("m2") && !found.contains(">m1<"))
      #expect(try await stage.page("messages?queue=mail&q=data.to:none").contains("No message matches"))
      #expect(try await stage.get("messages?queue=mail&q=que:x").status == .badRequest)
      #expect(try await stage.get("messages?queue=mail&state=lost").status == .badRequest)
      #expect(try await stage.get("messages").status == .badRequest)
      #expect(try await stage.get("messages?queue=none").status == .notFound)
    }
  }

  @Test("an observer cannot find out by a search what is in a message") func oracle() async throws {
    try await Stage.run { stage in
      try await enqueue(stage, "m1", body: #"{"pin":"1234"}"#)
      try await stage.park(["d1"], body: #"{"pin":"1234"}"#)
      for search in ["data.pin:1*", "header.x-tenant:acme", "1234"] {
        for page in ["messages?queue=mail&q=", "api/v1/messages?queue=mail&q=", "dead-letters?q="] {
          #expect(try await stage.get(page + search, as: "observer").status == .forbidden, "\(page)\(search)")
        }
      }
      #expect(try await stage.get("messages?queue=mail&q=name:email.*", as: "observer").status == .ok)
    }
  }

  @Test("one message says why it is not running, what it has been through and what is in it") func one() async throws {
    try await Stage.run { stage in
      try await enqueue(stage, "m1", body: #"{"to":"ann","password":"hunter2"}"#)
      let page = try await stage.page("message?id=m1&queue=mail")
      #expect(page.contains("Why is this not running?") && page.contains("no worker consumes"))
      #expect(page.contains("Waits for a worker") && page.contains("ann") && !page.contains("hunter2"))
      let revealed = String(buffer: try await stage.post("message/reveal", [("id", "m1"), ("queue", "mail")]).body)
      #expect(revealed.contains("hunter2"))
      #expect(try await stage.page("audit").contains("message.reveal"))
      let json = String(buffer: try await stage.get("api/v1/message?id=m1").body)
      #expect(json.contains(#""hindrances":[{"#) && json.contains(#""kind":"no-worker""#) && !json.contains("hunter2"))
      try await enqueue(stage, "m2", after: 60, body: "{}")
      #expect(try await stage.page("message?id=m2").contains("it is delayed until"))
      try await stage.broker.consume("mail", prefetch: 1) { consumer in
        _ = await consumer.next()
        let running = try await stage.page("message?id=m1")
        #expect(running.contains("Handled by") && running.contains("End its handler"))
        #expect(!running.contains("Why is this not running?"))
      }
    }
  }

  @Test("a job is written and enqueued; what is wrong with it is said in the form") func newJob() async throws {
    try await Stage.run { stage in
      #expect(try await stage.page("queue?name=mail").contains("queue/job?name=mail"))
      #expect(try await stage.page("queue/job?name=mail").contains("Enqueue 1 job"))
      #expect(try await stage.get("queue/job?name=none").status == .notFound)
      let good = [("name", "mail"), ("job", "email.send"), ("id", "j1"), ("unique", "k")]
      for (field, value, text) in [("data", "{", "is not JSON"), ("after", "soon", "is no duration")] {
        let answer = try await stage.post("queue/job", good + [(field, value)])
        #expect(answer.status == .badRequest && String(buffer: answer.body).contains(text))
      }
      #expect(try await stage.post("queue/job", [("name", "mail")]).status == .badRequest)
      let stored = try await stage.post("queue/job", good + [("data", #"{"to":"ann"}"#), ("after", "5m")])
      #expect(stored.headers[.location]?.contains("done=enqueued") == true)
      let again = try await stage.post("queue/job", good + [("data", "{}")])
      #expect(again.headers[.location]?.contains("done=repeated") == true)
      #expect(try await stage.page("message?id=j1&queue=mail").contains("delayed"))
      #expect(try await stage.page("audit").contains("job.enqueue"))
    }
  }

  @Test("one that waits is run now, and deleted after a question that says what") func changed() async throws {
    try await Stage.run { stage in
      try await enqueue(stage, "m1", after: 600, body: "{}")
      let form = [("id", "m1"), ("queue", "mail")]
      let page = try await stage.page("message?id=m1&queue=mail")
      #expect(page.contains("Run it now") && page.contains("Delete it"))
      #expect(try await stage.post("message/run", form).status == .seeOther)
      let ready = try await stage.page("message?id=m1&queue=mail")
      #expect(ready.contains("Waits for a worker") && !ready.contains("Run it now"))
      let question = try await stage.page("message/delete?id=m1&queue=mail")
      #expect(question.contains("The message m1 in &#39;mail&#39; will never be handled"))
      #expect(try await stage.post("message/delete", form).status == .seeOther)
      #expect(try await stage.get("message?id=m1&queue=mail").status == .notFound)
      #expect(try await stage.post("message/delete", form).status == .notFound)
      let audit = try await stage.page("audit")
      #expect(audit.contains("message.run") && audit.contains("message.delete"))
    }
  }

  @Test("a message that was given up on leads to its dead letter; one that is gone says so") func gone() async throws {
    try await Stage.run { stage in
      try await stage.park(["d1"])
      let moved = try await stage.get("message?id=d1&queue=mail")
      #expect(moved.status == .seeOther && moved.headers[.location]?.contains("/dead-letter?id=d1") == true)
      let gone = try await stage.get("message?id=none")
      #expect(gone.status == .notFound && String(buffer: gone.body).contains("may have been completed"))
    }
  }

  @Test("where the engine cannot show them, no link leads there, and the page says why") func plain() async throws {
    try await Stage.run(over: { PlainBroker(base: $0) }) { stage in
      try await enqueue(stage, "m1", body: "{}")
      for page in ["queue?name=mail", "workers", ""] {
        let shown = try await stage.page(page)
        #expect(!shown.contains("/messages?") && !shown.contains("/message?"))
        #expect(!shown.contains("\(Stage.prefix)/schedules") && !shown.contains("\(Stage.prefix)/outbox"))
      }
      let page = try await stage.get("messages?queue=mail")
      #expect(page.status == .notImplemented && String(buffer: page.body).contains("without taking them out"))
    }
  }
}
