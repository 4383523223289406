import Foundation
import Testing

@testable import Warren

@Suite("What a body is") struct MessageTextTests {
  private func message(_ body: Data, type: String? = "application/json", encoding: String? = nil) -> Message {
    Message(id: "1", name: "order.created", body: body, contentType: type, contentEncoding: encoding)
  }

  @Test("a charset is no packing", arguments: ["utf-8", "UTF-8", "utf8", "us-ascii", "identity", ""])
  func charset(_ encoding: String) {
    let text = message(Data("{\"a\":1}".utf8), encoding: encoding)
    #expect(text.text == "{\"a\":1}" && text.packing == nil)
  }

  @Test func otherCharsetsAreReadAndWritten() throws {
    let latin = message(Data([0x47, 0x72, 0xFC, 0xDF, 0x65]), type: "text/plain; charset=ISO-8859-1")
    #expect(latin.text == "Grüße")
    #expect(latin.body(for: "süß") == Data([0x73, 0xFC, 0xDF]))
    #expect(latin.body(for: "日本") == nil)
    let wide = message(try #require("{}".data(using: .utf16LittleEndian)), encoding: "utf-16le")
    #expect(wide.text == "{}")
    #expect(message(Data("x".utf8), type: "text/plain; charset=\"utf-8\"").charset == "utf-8")
  }

  @Test(
    "what is packed is named",
    arguments: [
      (Data([0x1F, 0x8B, 8, 0]), nil, "gzip"), (Data("x".utf8), "gzip", "gzip"), (Data("x".utf8), "Deflate", "deflate"),
      (Data([0x78, 0x9C, 0xAB, 0x56]), nil, "deflate"), (Data([0x28, 0xB5, 0x2F, 0xFD]), nil, "zstd"),
    ] as [(Data, String?, String)])
  func packing(_ body: Data, _ encoding: String?, _ packing: String) {
    #expect(message(body, encoding: encoding).packing == packing)
    #expect(message(body, encoding: encoding).text == nil)
  }

  @Test func bytesWithAnUnknownEncodingAreNoText() {
    #expect(message(Data("gASVDA==".utf8), encoding: "binary").text == nil)
    #expect(message(Data([0xFF, 0xFE, 0x00])).text == nil)
  }

  @Test(
    "a reason says what the body is",
    arguments: [
      (Data(), "the body is empty"), (Data(" \n".utf8), "blank"), (Data("<order/>".utf8), "XML"),
      (Data([0x1F, 0x8B, 8, 0]), "packed (gzip)"), (Data([0x82, 0xA1, 0x61, 0xFF]), "4 bytes that are not text"),
      (Data("{\"a\":1}\n{\"a\":2}\n".utf8), "several JSON values"),
    ] as [(Data, String)])
  func hints(_ body: Data, _ words: String) throws {
    let decode = On(Thing.self) { _, _ in }.handler(codec: .plain, retry: .standard, timeout: nil).decode
    let error = #expect(throws: Undecodable.self) { try decode(message(body)) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test(
    "a reason says that the body is for another codec",
    arguments: [
      (
        EnvelopeCodec(), #"{"at":"2024-05-06T07:08:09Z"}"#,
        "has no 'data': the body has no envelope; a subscription reads such events by .codec(.plain)"
      ),
      (
        PlainCodec(), #"{"type":"order.created","data":{"at":"2024-05-06T07:08:09Z"}}"#,
        "has no 'at': the body is in Warren's envelope, which the codec .envelope reads"
      ),
      (EnvelopeCodec(), #"{"data":{}}"#, "has no 'data.at'"), (PlainCodec(), #"{"data":1}"#, "has no 'at'"),
      (PlainCodec(), #"{"type":"order.created"}"#, "has no 'at'"),
    ] as [(any MessageCodec, String, String)])
  func mismatch(_ codec: any MessageCodec, _ body: String, _ words: String) throws {
    let decode = On(Thing.self) { _, _ in }.handler(codec: codec, retry: .standard, timeout: nil).decode
    let error = #expect(throws: Undecodable.self) { try decode(message(Data(body.utf8))) }
    #expect(error?.description == "'order.created' \(words)")
  }

  @Test func aLocalTimeIsSaidToLackItsZone() throws {
    let decode = On(Thing.self) { _, _ in }.handler(codec: .plain, retry: .standard, timeout: nil).decode
    let error = #expect(throws: Undecodable.self) {
      try decode(message(Data(#"{"at":"2024-05-06T07:08:09"}"#.utf8)))
    }
    #expect(error?.description.contains("its zone is missing") == true, "\(String(describing: error))")
    // What is wrong with JSON its decoder says best.
    let other = #expect(throws: Undecodable.self) { try decode(message(Data("{}".utf8))) }
    #expect(other?.description == "'order.created' has no 'at'")
  }

  @Test func aDomainsOwnTypeDoesNotBeatTheKey() throws {
    let plan = try QueuePlan(
      queue: "q", topology: Topology(queues: ["q"]), settings: QueueSettings(), codecs: [PlainCodec()],
      unhandled: .park,
      handlers: [On(Thing.self) { _, _ in }.handler(codec: .plain, retry: .standard, timeout: nil)])
    func name(_ body: String, key: RoutingKey, exchange: ExchangeName? = "e", type: MessageName? = nil) -> MessageName {
      var message = message(Data(body.utf8))
      message.name = type
      return plan.name(
        of: Delivery(
          message: message, queue: "q", exchange: exchange, routingKey: key, history: History(), isSuspect: false,
          token: Delivery.Token(scope: 0, number: 0, fence: 0)))
    }
    #expect(name(#"{"type":"book"}"#, key: "order.created") == "order.created")
    #expect(name(#"{"type":"order.created"}"#, key: "q", exchange: nil) == "order.created")
    #expect(name(#"{"type":"book"}"#, key: "order.changed") == "order.changed")
    #expect(name(#"{"type":"book","data":{}}"#, key: "order.changed") == "book")
    #expect(name(#"{"type":"book"}"#, key: "q", exchange: nil) == "book")
    #expect(name(#"{"type":""}"#, key: "order.changed", type: "") == "order.changed")
  }
}

private struct Thing: EventMessage {
  static let name: MessageName = "order.created"
  var at: Date
}
