import Foundation
import Testing

@testable import Warren

/// The shapes in which publications are written down are promises: what one version wrote, all later ones read.
@Suite struct StoredShapeTests {
  private func encode(_ publication: Publication) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(publication), as: UTF8.self)
  }
  private func decode(_ text: String) throws -> Publication {
    try JSONDecoder().decode(Publication.self, from: Data(text.utf8))
  }

  private let full = Publication(
    Message(
      id: "m-1", name: "email.send", body: Data(#"{"to":"ü/\"🐇"}"#.utf8), headers: ["traceparent": "00-1-2-01"],
      contentType: "application/json", contentEncoding: "identity",
      timestamp: Date(timeIntervalSince1970: 1_800_000_000.25),
      correlationID: "c", causationID: "d", source: "shop", priority: 7,
      expiresAt: Date(timeIntervalSince1970: 1_800_000_060)),
    to: .queue("email_queue"), notBefore: Date(timeIntervalSince1970: 1_800_000_010.5),
    unique: .key("reminder-7", for: .seconds(60), onRepeat: .debounce(longest: .milliseconds(1500))))
  private let fullText =
    #"{"message":{"causationID":"d","contentEncoding":"identity","contentType":"application/json","correlationID":"c","#
    + #""expiresAt":1800000060000,"headers":{"traceparent":"00-1-2-01"},"id":"m-1","name":"email.send","priority":7,"#
    + #""source":"shop","text":"{\"to\":\"ü/\\\"🐇\"}","timestamp":1800000000250,"version":1},"#
    + #""notBefore":1800000010500,"to":{"queue":"email_queue"},"#
    + #""unique":{"key":"reminder-7","longestDelay":1500,"onRepeat":"debounce","window":60000},"version":1}"#

  @Test func aFullOneIsWrittenAndReadAsItWas() throws {
    #expect(try encode(full) == fullText)
    #expect(try decode(fullText) == full)
  }

  @Test func aBareForeignOneWithABinaryBodyIsToo() throws {
    let bare = Publication(
      Message(id: nil, name: nil, body: Data([0xFF, 0x00, 0xC3]), contentType: nil), to: .exchange("e", ""))
    let text = #"{"message":{"base64":"/wDD","version":1},"to":{"exchange":"e","key":""},"version":1}"#
    #expect(try encode(bare) == text)
    #expect(try decode(text) == bare)
  }

  @Test func whatALaterVersionAddsIsPassedOver() throws {
    let text =
      #"{"version":1,"to":{"queue":"q","band":3},"group":"g","message":{"version":1,"text":"x","shape":[1,{}],"priority":4}}"#
    #expect(
      try decode(text)
        == Publication(Message(id: nil, name: nil, body: Data("x".utf8), contentType: nil), to: .queue("q")))
  }

  @Test(arguments: [
    #"{"version":2,"to":{"queue":"q"},"message":{"version":1,"text":"x"}}"#,
    #"{"version":1,"to":{"queue":"q"},"message":{"version":2,"text":"x"}}"#,
  ]) func whatThisVersionCannotReadIsRefusedByName(_ text: String) throws {
    let error = #expect(throws: DecodingError.self) { try decode(text) }
    #expect("\(error, default: "")".contains("stored shape 2"))
  }

  @Test(arguments: [
    #"{"version":1,"to":{},"message":{"version":1,"text":"x"}}"#,
    #"{"version":1,"to":{"queue":"q"},"message":{"version":1}}"#,
    #"{"version":1,"to":{"queue":"q"},"message":{"version":1,"base64":"%"}}"#, #"{}"#, #"[]"#,
  ]) func whatIsNoPublicationIsRefused(_ text: String) {
    #expect(throws: DecodingError.self) { try decode(text) }
  }

  @Test(arguments: [-1e300, 1e300, .infinity, -.infinity, .nan, 0.1, 1_800_000_000.0004])
  func absurdTimesAreHeldAndADelayIsNeverShorter(_ seconds: Double) throws {
    var publication = Publication(Message(id: "a", name: "n", body: Data()), to: .queue("q"))
    publication.notBefore = Date(timeIntervalSince1970: seconds)
    publication.message.expiresAt = publication.notBefore
    publication.unique = .key("k", for: .seconds(Int64.max))
    let read = try decode(encode(publication))
    if abs(seconds) < 1e10 { #expect(try #require(read.notBefore) >= Date(timeIntervalSince1970: seconds)) }
    #expect(try decode(encode(read)) == read)
  }

  /// A codec, a clock and middleware are enough to make a message.
  @Test func aComposerNeedsNoBroker() throws {
    let composer = MessageComposer(source: "s", exchange: .topic("e"), middleware: [Stamp()], clock: Still())
    let publication = try composer.publication(of: Made(number: 1), id: "own", key: "k")
    #expect(publication.destination == .exchange("e", "k"))
    #expect(publication.message.id == "own" && publication.message.source == "s")
    #expect(publication.message.headers == ["stamp": "yes"] && publication.message.timestamp == Still().now)
    let job = try composer.publication(of: JobRequest(Do(), unique: .key("k"), after: .seconds(5)))
    #expect(job.destination == .queue("do") && job.unique == .key("k") && job.notBefore == Still().now + 5)
    let error = #expect(throws: BrokerError.self) { try MessageComposer(source: "s").publication(of: Made(number: 1)) }
    #expect(error?.code == .invalid)
  }
}

private struct Made: EventMessage {
  static let name: MessageName = "thing.made"
  var number: Int
}
private struct Do: JobMessage {
  static let name: MessageName = "thing.do"
  static let queue: Queue = "do"
}
private struct Stamp: Middleware {
  func publishing(_ publication: inout Publication) throws { publication.message.headers["stamp"] = "yes" }
}
private struct Still: BrokerClock {
  let now = Date(timeIntervalSince1970: 1_800_000_000)
  func sleep(until time: Date) async throws {}
}
