import Foundation
import Testing
import Warren

@Suite("warren: topology") struct TopologyTests {
  private func file(_ text: String, in broker: SeededBroker) throws -> String {
    let url = broker.directory.appendingPathComponent("topology-\(UUID().uuidString).json")
    try Data(text.utf8).write(to: url)
    return url.path
  }

  @Test("what is shown is a file that differs in nothing, and makes another broker the same") func roundTrip()
    async throws
  {
    let broker = try await SeededBroker()
    let shown = try await broker.run("topology", "show")
    #expect(shown.rows.contains(["exchange", "books", "topic"]))
    #expect(shown.rows.contains(["queue", "mail", "dead letters to mail.dlq"]))
    #expect(shown.rows.contains(["binding", "audit", "to books by book.*"]))
    let json = try await broker.run("topology", "show", "--json")
    let path = try file(json.output, in: broker)
    let same = try await broker.run("topology", "diff", path)
    #expect(same.status == 0 && same.output.isEmpty && same.errors.contains("as it should be"))

    let other = try await SeededBroker()
    let more = try file(
      #"{"exchanges": [{"name": "books"}], "queues": [{"name": "stock"}], "bindings": [{"queue": "stock", "exchange": "books"}]}"#,
      in: other)
    let missing = try await other.run("topology", "diff", more)
    #expect(missing.status == 1)
    #expect(
      missing.rows.map(\.first) == ["queue 'stock'", "queue 'stock.dlq'", "binding of 'stock' to 'books' by '#'"])
    #expect(missing.rows.allSatisfy { $0[1] == "missing" && $0[3].contains("warren topology apply") })
    let applied = try await other.run("topology", "apply", more)
    #expect(applied.status == 0 && applied.rows.count == 3, "\(applied.output)\(applied.errors)")
    let again = try await other.run("topology", "apply", "-", input: try String(contentsOfFile: more, encoding: .utf8))
    #expect(again.status == 0 && again.output.isEmpty && again.errors.contains("already"))
    #expect(try await other.run("topology", "diff", more).status == 0)
  }

  @Test("what is there and differs is shown with the fix, and nothing is declared") func conflict() async throws {
    let broker = try await SeededBroker()
    let path = try file(
      #"{"exchanges": [{"name": "books", "kind": "fanout"}], "queues": [{"name": "new"}, {"name": "mail", "timeToLiveSeconds": 60}]}"#,
      in: broker)
    let diff = try await broker.run("topology", "diff", path, "--json")
    #expect(diff.status == 1)
    let found: [String: [[String: Any]]] = try diff.json()
    #expect(
      found["differences"]?.prefix(2).map { $0["declared"] as? String } == ["topic", "none"], "\(diff.output)")
    let applied = try await broker.run("topology", "apply", path)
    #expect(applied.status == 1 && applied.output.isEmpty)
    for text in [
      "nothing was declared", "kind is topic, asked for fanout", "time to live is none, asked for 1 min", "fix",
    ] {
      #expect(applied.errors.contains(text), "\(text) in: \(applied.errors)")
    }
    #expect(try await broker.run("queue", "show", "new").status == 4)
    let screen = try await broker.onTerminal("topology", "diff", path).screen
    #expect(
      screen.contains("exchange 'books': kind is topic, asked for fanout") && screen.contains("  fix: "), "\(screen)")
    let adopted = try file(#"{"queues": [{"name": "theirs", "adopted": true}]}"#, in: broker)
    let missing = try await broker.run("topology", "diff", adopted)
    #expect(missing.status == 1 && missing.output.contains("its owner declares it"))
    #expect(try await broker.run("topology", "apply", adopted).status == 4)
  }

  @Test(
    "a file that is none",
    arguments: [
      ("no json", "is not a topology"), ("[]", "is not a topology"),
      (#"{"queues": [{}]}"#, "'name' is missing at queues[0]"),
      (#"{"queues": [{"name": 7}]}"#, "at queues[0].name"),
    ])
  func wrong(text: String, words: String) async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("topology", "diff", file(text, in: broker))
    #expect(run.status == 2)
    #expect(run.errors.contains(words) && run.errors.contains("next: "), "\(run.errors)")
  }

  @Test("a topology through a pipe") func pipe() async throws {
    let broker = try await SeededBroker()
    let pipe = broker.directory.appendingPathComponent("pipe").path
    let run = try await shell(
      """
      mkfifo '\(pipe)' && { echo '{"queues": [{"name": "piped"}]}' > '\(pipe)' & }
      timeout 60 $WARREN topology diff '\(pipe)' --broker '\(broker.address)'
      """)
    #expect(run.status == 1 && run.output.contains("piped"), "\(run.errors)")
  }

  @Test("a file that is not there") func missing() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("topology", "apply", "/nowhere/topology.json")
    #expect(run.status == 1 && run.errors.contains("cannot be read"))
  }
}
