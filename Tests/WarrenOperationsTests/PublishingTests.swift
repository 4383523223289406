import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenOperations
import WarrenTesting

@Suite("Publishing by hand") struct PublishingTests {
  private struct Note: EventMessage {
    static let name: MessageName = "note.made"
    var id: UInt64
  }

  @Test("the envelope is the one that Warren's codec reads") func envelope() throws {
    let data = try JSONText(parsing: #"{"id":18446744073709551615}"#)
    let message = Composition("note.made", data: data).message(source: "me", now: time(0))
    #expect(
      String(decoding: message.body, as: UTF8.self)
        == #"{"type":"note.made","timestamp":"2001-01-01T00:00:00Z","data":{"id":18446744073709551615}}"#)
    #expect(try EnvelopeCodec().decode(Note.self, from: message).id == .max)
    #expect(message.source == "me" && message.name == "note.made" && message.contentType == "application/json")
  }

  @Test("plain is the content alone") func plain() throws {
    let message = Composition("n", data: .array([]), isPlain: true).message(source: "me", now: time(0))
    #expect(String(decoding: message.body, as: UTF8.self) == "[]")
  }

  @Test("the routing key of an event is its name by default") func key() async throws {
    try await ScriptedBroker.running { broker, operations in
      try await broker.apply(Topology(exchanges: ["ex"]))
      let view = try await operations.publish(Composition("a.b", id: "x"), to: "ex", source: "me")
      #expect(view.id == "x" && view.result == .unroutable)
      _ = try await operations.publish(Composition("a.b"), to: "ex", key: "c", source: "me")
      let published = broker.base.published
      #expect(published.map(\.destination) == [.exchange("ex", "a.b"), .exchange("ex", "c")])
      #expect(published.allSatisfy { $0.unique == nil })
    }
  }

  @Test("a job with a key keeps repeats out; no queue is an error") func job() async throws {
    try await ScriptedBroker.running(["q"]) { broker, operations in
      let composition = Composition("j", id: "once", unique: .key("k"), notBefore: time(9))
      let view = try await operations.enqueue(composition, to: "q", source: "me")
      #expect(view.id == "once" && view.name == "j" && view.result == .stored)
      let publication = try #require(broker.base.published.first)
      #expect(publication.unique == .key("k") && publication.notBefore == time(9))
      let again = try await operations.enqueue(Composition("j", unique: .key("k")), to: "q", source: "me")
      #expect(again.result == .repeated)
      let error = await #expect(throws: BrokerError.self) {
        try await operations.enqueue(Composition("j"), to: "missing", source: "me")
      }
      #expect(error?.code == .unroutable)
    }
  }

  @Test("an engine that answers nothing about a message is an unknown outcome") func noAnswer() async {
    let operations = Operations(BareBroker())
    let error = await #expect(throws: BrokerError.self) {
      try await operations.enqueue(Composition("j"), to: "q", source: "me")
    }
    #expect(error?.code == .unknownOutcome)
  }
}
