import Foundation
import Testing
import Warren

@Suite("A topology as JSON") struct TopologyCodingTests {
  private func read(_ text: String) throws -> Topology {
    try JSONDecoder().decode(Topology.self, from: Data(text.utf8))
  }

  @Test("what follows from the rest need not be said") func short() throws {
    let read = try read(
      """
      {"exchanges": [{"name": "events"}, {"name": "all", "kind": "fanout", "adopted": true}],
       "queues": [
         {"name": "mail", "timeToLiveSeconds": 1.5},
         {"name": "booking", "deadLetter": {"exchange": "dlx", "key": "booking.dead"}},
         {"name": "kept", "holdsDeadLetters": true}, {"name": "old", "adopted": true, "deadLetter": {"queue": "kept"}}],
       "bindings": [{"queue": "mail", "exchange": "all"}, {"queue": "booking", "exchange": "events", "key": "booking.*"}]}
      """)
    let written = try Topology(
      exchanges: [.topic("events"), .fanout("all").adopted()],
      queues: [
        Queue("mail", timeToLive: .milliseconds(1500)),
        Queue("booking", deadLetter: .exchange("dlx", key: "booking.dead")), .deadLetters("kept"),
        Queue("old", deadLetter: .queue("kept")).adopted(),
      ],
      bindings: [Binding("mail", to: "all"), Binding("booking", to: "events", key: "booking.*")])
    #expect(read == written)
    #expect(read.queues.map(\.name) == ["mail", "mail.dlq", "booking", "booking.dead", "kept", "old"])
    let again = try JSONDecoder().decode(Topology.self, from: JSONEncoder().encode(written))
    #expect(again == written)
    #expect(try self.read("{}") == Topology())
  }

  @Test("an adopted queue without a dead-letter queue is read as it was written") func adoptedWithout() throws {
    let shown = Topology(
      asDeclared: [Exchange("h", .other("headers"), isAdopted: true)], [Queue.deadLetters("old").adopted()], [],
      others: ["the binding of x"])
    let text = String(decoding: try JSONEncoder().encode(shown), as: UTF8.self)
    #expect(text.contains("\"deadLetter\":null") && !text.contains("holdsDeadLetters") && text.contains("leftAlone"))
    let again = try read(text)
    #expect(again.queues == shown.queues && again.exchanges == shown.exchanges)
    // Where it is no longer adopted, it is a queue like any other.
    #expect(try read(#"{"queues": [{"name": "old", "deadLetter": null}]}"#).queues.map(\.name) == ["old", "old.dlq"])
  }

  @Test("thousands of queues are put together in no time") func many() throws {
    let queues = (0..<5000).map { Queue(QueueName("q\($0)")) }
    let topology = try Topology(
      exchanges: ["e"], queues: queues,
      bindings: queues.map { Binding($0.name, to: "e", key: RoutingKey("k.\($0.name)")) })
    #expect(topology.queues.count == 10_000 && topology.bindings.count == 5000)
    #expect(try topology.merging(topology) == topology)
  }

  @Test(
    "what is wrong is said",
    arguments: [
      (#"{"queues": [{"name": ""}]}"#, "the name of a queue is empty"),
      (#"{"queues": [{}]}"#, "name"),
      (#"{"queues": [{"name": "a", "holdsDeadLetters": true, "deadLetter": {"queue": "b"}}]}"#, "leave out one"),
      (#"{"queues": [{"name": "a", "deadLetter": {}}]}"#, "name a queue"),
      (#"{"queues": [{"name": "a", "timeToLiveSeconds": -1}]}"#, "no time to live"),
      (#"{"exchanges": [{"name": "a", "kind": "headers"}]}"#, "headers"),
      // What nothing reads would do nothing.
      (#"{"exchange": []}"#, "possible are exchanges, queues, bindings"),
      (#"{"queues": [{"name": "a", "timeToLive": 5}]}"#, "'timeToLive' is no field here"),
      (#"{"exchanges": [{"name": "a", "durable": true}]}"#, "durable"),
      (#"{"bindings": [{"queue": "a", "exchange": "b", "routingKey": "k"}]}"#, "routingKey"),
      (#"{"queues": [{"name": "a", "deadLetter": {"queue": "b", "key": "k"}}]}"#, "without an exchange"),
      (#"{"queues": [{"name": "a", "deadLetter": {"queue": "b", "limit": 3}}]}"#, "limit"),
      (#"{"bindings": [{"queue": "a", "exchange": "b"}]}"#, "which the topology does not have"),
      (
        #"{"queues": [{"name": "a"}, {"name": "a", "timeToLiveSeconds": 60}]}"#, "time to live is none, asked for 1 min"
      ),
    ])
  func wrong(text: String, words: String) {
    let error = #expect(throws: DecodingError.self) { try read(text) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(String(describing: error))")
  }
}

@Suite("Durations for a person") struct DurationTests {
  @Test(
    arguments: [
      (Duration.zero, "0 ms"), (.milliseconds(250), "250 ms"), (.seconds(4), "4 s"), (.milliseconds(1500), "1 s"),
      (.seconds(192), "3 min 12 s"), (.seconds(1800), "30 min"), (.seconds(3605), "1 h"),
      (.seconds(19_260), "5 h 21 min"),
      (.seconds(86_400 * 12 + 14_400), "12 d 4 h"), (.seconds(-60), "-1 min"),
    ])
  func words(duration: Duration, words: String) { #expect(duration.words == words) }
}
