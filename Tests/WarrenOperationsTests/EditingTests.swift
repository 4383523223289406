import Foundation
import Synchronization
import Testing
import Warren
import WarrenOperations

@Suite("Editing a dead letter") struct EditingTests {
  let broker = FakeBroker()
  var operations: Operations { Operations(broker, clock: StillClock(now: time(500))) }

  @Test("the copy is a message of its own in the same chain") func copy() async throws {
    broker.add(.example("1", headers: ["a": "1", "warren-x": "kept"], body: #"{"to":"nobody"}"#))
    var draft = try await operations.draft("1")
    #expect(draft.headers == ["a": "1"])
    #expect(!draft.isChanged)
    draft.body = Data(#"{"to":"ann"}"#.utf8)
    draft.headers = ["b": "2"]
    #expect(draft.isChanged)
    let id = try await operations.publish(draft)
    #expect(id != "1")
    let copy = try #require(broker.state.withLock(\.published).first?.message)
    #expect(copy.id == id)
    #expect(copy.correlationID == "1")
    #expect(copy.headers == ["b": "2", "warren-x": "kept"])
    #expect(copy.timestamp == time(500))
    #expect(broker.state.withLock(\.letters).isEmpty)
  }

  @Test("a body that is no JSON is refused when it says that it is") func invalid() async throws {
    broker.add(.example("1"))
    var draft = try await operations.draft("1")
    draft.body = Data("{".utf8)
    let changed = draft
    let error = await #expect(throws: BrokerError.self) { try await operations.publish(changed) }
    #expect(error?.code == .invalid)
    #expect(broker.state.withLock(\.letters).count == 1)
  }

  @Test("a time that is over does not park the copy at once") func expiry() throws {
    var letter = DeadLetter.example("1")
    letter.message.expiresAt = time(10)
    #expect(try DeadLetterDraft(letter).message(now: time(11)).expiresAt == nil)
    #expect(try DeadLetterDraft(letter).message(now: time(9)).expiresAt == time(10))
  }

  @Test("a message that several queues gave up on needs a queue") func several() async throws {
    broker.add(.example("1", origin: "mail"))
    broker.add(.example("1", origin: "sms"))
    let error = await #expect(throws: BrokerError.self) { try await operations.draft("1") }
    #expect(error?.message.contains("mail.dlq, sms.dlq") == true)
    #expect(try await operations.draft("1", in: "sms.dlq").original.origin == "sms")
  }
}
