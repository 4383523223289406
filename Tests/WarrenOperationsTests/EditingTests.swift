import Foundation
import Testing
import Warren
import WarrenOperations
import WarrenTesting

@Suite("Editing a dead letter") struct EditingTests {
  @Test("the copy is a message of its own in the same chain") func copy() async throws {
    try await ScriptedBroker.running { broker, operations in
      try await broker.add("1", headers: ["a": "1"], body: #"{"to":"none"}"#)
      broker.engine.virtualClock.advance(to: time(500))
      var draft = try await operations.draft("1")
      #expect(draft.headers == ["a": "1"])
      #expect(!draft.isChanged)
      draft.body = Data(#"{"to":"ann"}"#.utf8)
      draft.headers = ["b": "2"]
      #expect(draft.isChanged)
      let id = try await operations.publish(draft)
      #expect(id != "1")
      #expect(try await broker.left.isEmpty)
      let copy = try #require(
        try await broker.consume("mail", prefetch: 1) { consumer in await consumer.next()?.message })
      #expect(copy.id == id)
      #expect(copy.correlationID == "1")
      #expect(copy.headers == ["b": "2", "warren-edited-from": "1"])
      #expect(copy.timestamp == time(500))
    }
  }

  @Test("headers of Warren's own are not edited and go along") func ownHeaders() throws {
    let letter = DeadLetter.example("1", headers: ["a": "1", "warren-x": "kept"])
    var draft = DeadLetterDraft(letter)
    #expect(draft.headers == ["a": "1"])
    draft.headers = ["b": "2"]
    #expect(try draft.message(now: time(0)).headers == ["b": "2", "warren-x": "kept"])
  }

  @Test("a body that is not JSON is refused when its content type says that it is") func invalid() async throws {
    try await ScriptedBroker.running { broker, operations in
      try await broker.add("1")
      var draft = try await operations.draft("1")
      draft.body = Data("{".utf8)
      let changed = draft
      let error = await #expect(throws: BrokerError.self) { try await operations.publish(changed) }
      #expect(error?.code == .invalid)
      #expect(try await broker.left.count == 1)
    }
  }

  @Test("a time that is over does not park the copy at once") func expiry() throws {
    var letter = DeadLetter.example("1")
    letter.message.expiresAt = time(10)
    #expect(try DeadLetterDraft(letter).message(now: time(11)).expiresAt == nil)
    #expect(try DeadLetterDraft(letter).message(now: time(9)).expiresAt == time(10))
  }

  @Test("a message that several queues gave up on needs a queue") func several() async throws {
    try await ScriptedBroker.running(["mail", "sms"]) { broker, operations in
      try await broker.add("1", origin: "mail")
      try await broker.add("1", origin: "sms")
      let error = await #expect(throws: BrokerError.self) { try await operations.draft("1") }
      #expect(error?.message.contains("mail.dlq, sms.dlq") == true)
      #expect(try await operations.draft("1", in: "sms.dlq").original.origin == "sms")
    }
  }
}
