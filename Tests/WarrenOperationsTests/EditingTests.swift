import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenOperations
import WarrenTesting

@Suite("Editing a dead letter") struct EditingTests {
  @Test("the copy is a message of its own, and what was not edited stays") func copy() async throws {
    try await ScriptedBroker.running { broker, operations in
      try await broker.add("1", headers: ["a": "1"], body: #"{"to":"none"}"#)
      broker.base.virtualClock.advance(to: time(500))
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
      #expect(copy.correlationID == draft.original.message.correlationID)
      #expect(copy.headers == ["b": "2", "warren-edited-from": "1"])
      #expect(copy.timestamp == draft.original.message.timestamp)
    }
  }

  @Test("headers of Warren's own are not edited and go along") func ownHeaders() throws {
    let letter = DeadLetter.example("1", headers: ["a": "1", "warren-x": "kept"])
    var draft = DeadLetterDraft(letter)
    #expect(draft.headers == ["a": "1"])
    draft.headers = ["b": "2"]
    #expect(try draft.message(now: time(0)).headers == ["b": "2", "warren-x": "kept"])
    draft.headers = ["warren-attempts": "0"]
    #expect(throws: BrokerError.self) { try draft.message(now: time(0)) }
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

  @Test("text in another charset is edited in it") func charset() throws {
    var letter = DeadLetter.example("1")
    letter.message.body = Data([0x73, 0xFC, 0xDF])
    letter.message.contentType = "text/plain; charset=iso-8859-1"
    var draft = DeadLetterDraft(letter)
    #expect(draft.text == "süß")
    try draft.setText("Süß")
    #expect(draft.body == Data([0x53, 0xFC, 0xDF]))
    var other = draft
    #expect(throws: BrokerError.self) { try other.setText("日本") }
  }

  @Test("a body that was not changed need not be JSON, and a mark before it is none of its text") func mark() throws {
    var letter = DeadLetter.example("1")
    letter.message.body = Data("\u{FEFF}{}".utf8)
    var draft = DeadLetterDraft(letter)
    draft.headers["a"] = "2"
    #expect(try draft.message(now: time(0)).body == letter.message.body)
    draft.body = Data("\u{FEFF}[]".utf8)
    #expect(try draft.message(now: time(0)).body == draft.body)
  }

  @Test("two with one id are told apart by their addresses") func addresses() async throws {
    try await ScriptedBroker.running { broker, operations in
      try await broker.add("1", headers: ["n": "1"])
      try await broker.add("1", headers: ["n": "2"])
      let error = await #expect(throws: BrokerError.self) { try await operations.draft("1") }
      let shown = try await operations.deadLetters("1")
      let addresses = try shown.map { try #require($0.address) }
      #expect(Set(addresses).count == 2)
      for address in addresses { #expect(error?.message.contains(address.rawValue) == true) }
      var draft = try await operations.draft(addresses[1])
      #expect(draft.original.message.headers["n"] == "2")
      draft.headers["n"] = "3"
      _ = try await operations.publish(draft)
      #expect(try await operations.deadLetters("1").map(\.address) == [addresses[0]])
      let survey = try await operations.survey(DeadLetterSelection(ids: [addresses[0], "@0"], limit: .max))
      #expect(survey.count == 1 && survey.missing == ["@0"])
      #expect(try await operations.delete(survey).done == 1)
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
