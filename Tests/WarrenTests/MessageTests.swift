import Foundation
import Testing

@testable import Warren

private struct Thing: EventMessage {
  static let name: MessageName = "test.thing"
  var eventId: Int
  var when: Date
}

@Suite struct MessageTests {
  @Test func idsAreUniqueGrowAndAreUUIDsOfVersion7() throws {
    let ids = (0..<10_000).map { _ in MessageID.unique() }
    #expect(Set(ids).count == ids.count)
    #expect(ids == ids.sorted())
    for id in ids.prefix(100) {
      #expect(UUID(uuidString: id.rawValue) != nil)
      #expect(id.rawValue.dropFirst(14).first == "7")
      #expect("89ab".contains(try #require(id.rawValue.dropFirst(19).first)))
    }
  }

  @Test func theEnvelopeIsTypeTimestampAndData() throws {
    let time = Date(timeIntervalSince1970: 1_733_840_400)
    let body = try EnvelopeCodec().encode(Thing(eventId: 7, when: time), at: time)
    let json = try #require(JSONSerialization.jsonObject(with: body) as? [String: Any])
    #expect(Set(json.keys) == ["type", "timestamp", "data"])
    #expect(json["type"] as? String == "test.thing")
    #expect(json["timestamp"] as? String == "2024-12-10T14:20:00Z")
    let message = Message(id: nil, name: nil, body: body)
    #expect(try EnvelopeCodec().decode(Thing.self, from: message).eventId == 7)
    #expect(EnvelopeCodec().name(in: message) == "test.thing")
  }

  @Test(arguments: [
    #"{"data":{"eventId":7,"when":"2024-12-10T14:20:00Z"},"timestamp":"2024-12-10T14:20:00Z","type":"test.thing"}"#,
    #"{"type":"test.thing","data":{"when":"2024-12-10T14:20:00Z","eventId":7},"timestamp":"2024-12-10T14:20:00.000Z"}"#,
    #"{ "data" : {"eventId":7,"when":"2024-12-10T14:20:00Z"} }"#,
    #"{"data":{"eventId":7,"when":"2024-12-10T14:20:00Z"},"more":{"a":1},"timestamp":"x\"y","type":"test.thing"}"#,
    #"{"data":{"eventId":7,"when":"2024-12-10T14:20:00Z"},"type":"other","timestamp":"z","type":"test.thing"}"#,
    #"{"data":{"eventId":7,"when":"2024-12-10T14:20:00Z","in":[1,"},"]},"timestamp":"z","type":"test.thing"}"#,
  ])
  func aForeignProgramMayWriteTheEnvelope(_ text: String) throws {
    let message = Message(id: nil, name: nil, body: Data(text.utf8))
    #expect(try EnvelopeCodec().decode(Thing.self, from: message).eventId == 7)
    // As a slice of something larger, whose indices do not begin at zero.
    let slice = (Data("12345".utf8) + Data(text.utf8)).dropFirst(5)
    #expect(try EnvelopeCodec().decode(Thing.self, from: Message(id: nil, name: nil, body: slice)).eventId == 7)
  }

  @Test(arguments: [
    "", "{}", #"{"data":"#, #"{"data":}"#, #"{"data":,"timestamp":"z","type":"test.thing"}"#,
    #"{"data":"timestamp":"z","type":"test.thing"}"#, #"{"data":{"eventId":7},"timestamp":"z","type":"test.thing"}"#,
    #"{"data":{"eventId":7,"when":"2024-12-10T14:20:00Z"},"timestamp":"z","type":"test.thing"}}"#,
  ])
  func whatIsNoEnvelopeIsAnError(_ text: String) {
    #expect(throws: DecodingError.self) {
      try EnvelopeCodec().decode(Thing.self, from: Message(id: nil, name: nil, body: Data(text.utf8)))
    }
  }

  @Test func copiesOfAMessageAreTheirOwn() {
    let first = Message(id: "1", name: "a", body: Data(), headers: ["x": "1"])
    var second = first
    #expect(second == first)
    second.headers["x"] = "2"
    second.name = nil
    #expect(first.headers == ["x": "1"])
    #expect(first.name == "a")
    #expect(second != first)
    second.headers["x"] = "1"
    second.name = "a"
    #expect(second == first)
  }

  @Test func snakeCaseGoesBothWays() throws {
    let time = Date(timeIntervalSince1970: 1_733_840_400)
    let body = try PlainCodec(snakeCase: true).encode(Thing(eventId: 7, when: time), at: time)
    #expect(String(decoding: body, as: UTF8.self).contains("\"event_id\":7"))
    #expect(
      try PlainCodec(snakeCase: true).decode(Thing.self, from: Message(id: nil, name: nil, body: body)).when == time)
  }

  @Test(arguments: ["2024-12-10T14:20:00Z", "2024-12-10T14:20:00.000Z", "2024-12-10T15:20:00+01:00"])
  func timesAreReadAsOthersWriteThem(_ text: String) throws {
    let body = Data("{\"eventId\":1,\"when\":\"\(text)\"}".utf8)
    let thing = try PlainCodec().decode(Thing.self, from: Message(id: nil, name: nil, body: body))
    #expect(thing.when == Date(timeIntervalSince1970: 1_733_840_400))
  }

  @Test(arguments: [0, 0.001, 0.123, 0.9995, 0.9999, 59.999, -0.001, -1_733_840_400.25])
  func aTimeInAMessageKeepsItsMilliseconds(_ fraction: Double) throws {
    let time = Date(timeIntervalSince1970: 1_733_840_400 + fraction)
    for codec in [EnvelopeCodec() as any MessageCodec, PlainCodec()] {
      let body = try codec.encode(Thing(eventId: 7, when: time), at: time)
      let when = try codec.decode(Thing.self, from: Message(id: nil, name: nil, body: body)).when
      #expect(abs(when.timeIntervalSince(time)) <= 0.0005001)
      // What was read once is written and read as the same time from then on.
      let again = try codec.encode(Thing(eventId: 7, when: when), at: time)
      #expect(again == body)
      #expect(try codec.decode(Thing.self, from: Message(id: nil, name: nil, body: again)).when == when)
    }
    let text = String(
      decoding: try PlainCodec().encode(
        Thing(eventId: 7, when: Date(timeIntervalSince1970: 1_733_840_400.125)), at: time), as: UTF8.self)
    #expect(text.contains("2024-12-10T14:20:00.125Z"))
  }

  @Test func historyKeepsTheLastFailures() {
    var history = History()
    for attempt in 1...9 {
      history.note(Failure(time: .distantPast, attempt: attempt, error: "E", message: "m", worker: "w"))
    }
    #expect(history.failures.map(\.attempt) == [5, 6, 7, 8, 9])
    #expect(history.replayed().attempts == 0)
    #expect(history.replayed().replays == 1)
    #expect(history.replayed().failures == history.failures)
  }

  @Test func whatCannotBeCarriedIsRefusedByName() throws {
    var message = Message(id: "i", name: "n", body: Data())
    #expect(throws: BrokerError.self) { try Publication(message, to: .queue("")).validate() }
    #expect(throws: BrokerError.self) { try Publication(message, to: .exchange("e", "k"), notBefore: .now).validate() }
    message.source = String(repeating: "s", count: 256)
    #expect(throws: BrokerError.self) { try Publication(message, to: .queue("q")).validate() }
  }
}
