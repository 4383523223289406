import Foundation
import Synchronization
import Testing
import Warren
import WarrenOperations

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

  @Test("an event goes by its name unless a key says otherwise") func key() async throws {
    let broker = FakeBroker()
    let operations = Operations(broker)
    _ = try await operations.publish(Composition("a.b", id: "x"), to: "ex", source: "me")
    _ = try await operations.publish(Composition("a.b"), to: "ex", key: "c", source: "me")
    let published = broker.state.withLock(\.published)
    #expect(published.map(\.destination) == [.exchange("ex", "a.b"), .exchange("ex", "c")])
    #expect(published.allSatisfy { $0.unique == nil })
  }

  @Test("a job with a key keeps repeats out; no queue is an error") func job() async throws {
    let broker = FakeBroker()
    let operations = Operations(broker)
    let view = try await operations.enqueue(
      Composition("j", id: "once", unique: .key("k"), notBefore: time(9)), to: "q", source: "me")
    #expect(view.id == "once" && view.name == "j" && view.result == .stored)
    let publication = try #require(broker.state.withLock(\.published).first)
    #expect(publication.unique == .key("k") && publication.notBefore == time(9))
    broker.state.withLock { $0.result = .repeated }
    #expect(try await operations.enqueue(Composition("j"), to: "q", source: "me").result == .repeated)
    broker.state.withLock { $0.result = .unroutable }
    let error = await #expect(throws: BrokerError.self) {
      try await operations.enqueue(Composition("j"), to: "q", source: "me")
    }
    #expect(error?.code == .unroutable)
  }
}
