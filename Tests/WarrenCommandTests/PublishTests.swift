import Foundation
import Testing
import Warren
import WarrenSQLite

@Suite("warren event and job") struct PublishTests {
  @Test("an event reaches its queues") func event() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("event", "publish", "books", "book.added", "--data", #"{"id":7}"#, "--json")
    #expect(run.status == 0, "\(run.errors)")
    #expect(try run.json([String: Any].self)["result"] as? String == "stored")
    #expect(try await broker.ready("audit") == 1)
    let keyed = try await broker.run(
      "event", "publish", "books", "whatever", "--key", "book.x", "--data", "-", input: "[1]")
    #expect(keyed.status == 0 && keyed.output.split(separator: "\n").count == 1)
    #expect(try await broker.ready("audit") == 2)
  }

  @Test("an event that no queue wants: 4") func unroutable() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("event", "publish", "books", "film.added", "--json")
    #expect(run.status == 4)
    #expect(try run.json([String: Any].self)["result"] as? String == "unroutable")
    let exchange = try await broker.run("event", "publish", "films", "film.added")
    #expect(exchange.status == 4 && exchange.errors.contains("`warren topology show`"), "\(exchange.errors)")
  }

  @Test("what is not JSON: 2, and where it is wrong") func invalid() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("event", "publish", "books", "book.added", "--data", "{id: 7}")
    #expect(run.status == 2 && run.errors.contains("line 1, column 2"))
    #expect(try await broker.ready("audit") == 0)
  }

  @Test("a job, with all that travels with it") func job() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run(
      "job", "enqueue", "mail", "email.send", "--data", #"{"to":"ann"}"#, "--plain", "--id", "once", "--unique", "k",
      "--header",
      "a=b=c",
      "--priority", "7", "--source", "me")
    #expect(run.status == 0 && run.output == "once\n", "\(run.errors)")
    let again = try await broker.run("job", "enqueue", "mail", "email.send", "--unique", "k", "--json")
    #expect(try again.json([String: Any].self)["result"] as? String == "repeated")
    #expect(again.status == 0)
    let message = try #require(try await broker.messages(1).first).message
    #expect(String(decoding: message.body, as: UTF8.self) == #"{"to":"ann"}"#)
    #expect(message.name == "email.send" && message.headers == ["a": "b=c"])
    #expect(message.priority == .high && message.source == "me")
  }

  @Test("a header whose name is Warren's own: 2") func reserved() async throws {
    let broker = try await SeededBroker()
    for run in [
      try await broker.run("event", "publish", "books", "book.added", "--header", "warren-attempts=1"),
      try await broker.run("job", "enqueue", "mail", "email.send", "--header", "warren-attempts=1"),
    ] {
      #expect(run.status == 2 && run.errors.contains("'warren-attempts'"), "\(run.errors)")
    }
    #expect(try await broker.ready("audit") == 0)
    #expect(try await broker.ready("mail") == 0)
  }

  @Test("two headers of one name: 2, and nothing is dropped in silence") func twice() async throws {
    let broker = try await SeededBroker()
    for (command, first) in [("event", "books"), ("job", "mail")] {
      let run = try await broker.run(
        command, command == "event" ? "publish" : "enqueue", first, "book.added", "--header", "a=1", "--header", "b=1",
        "--header", "a=2")
      #expect(run.status == 2 && run.errors.contains("'a' is given twice"), "\(run.errors)")
    }
    #expect(try await broker.ready("audit") == 0)
    #expect(try await broker.ready("mail") == 0)
  }

  @Test("input without an end: 2, and not all of the memory") func endless() async throws {
    let broker = try await SeededBroker()
    let run = try await shell("timeout 60 $WARREN job enqueue mail x --data - --broker '\(broker.address)' </dev/zero")
    #expect(run.status == 2 && run.errors.contains("more than 64 MiB"), "\(run.errors)")
  }

  @Test(
    "a day that no calendar has: 2", arguments: ["2099-02-30", "2099-13-01", "2099-02-29", "2099-04-31", "2099-01-00"])
  func noDay(day: String) async throws {
    let run = try await warren([
      "job", "enqueue", "mail", "x", "--at", "\(day)T08:00:00Z", "--broker", "sqlite:/nowhere",
    ])
    #expect(run.status == 2 && run.errors.contains("--at"), "\(run.errors)")
  }

  @Test("a job for later waits") func later() async throws {
    let broker = try await SeededBroker()
    #expect(try await broker.run("job", "enqueue", "mail", "email.send", "--after", "1h30m").status == 0)
    #expect(try await broker.run("job", "enqueue", "mail", "email.send", "--at", "2099-01-01T00:00:00Z").status == 0)
    let view: [String: Any] = try await broker.run("queue", "show", "mail", "--json").json()
    #expect(view["delayed"] as? Int == 2 && view["ready"] as? Int == 0)
  }

  @Test("a job without a queue: 4") func noQueue() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("job", "enqueue", "missing", "email.send")
    #expect(run.status == 4 && run.output.isEmpty && run.errors.contains("missing"), "\(run.errors)")
  }
}
