import NIOCore
import Testing

@testable import AMQP

@Suite("Content assembler")
struct ContentAssemblerTests {
  private let method = Method.basicReturn(replyCode: 1, replyText: "", exchange: "", routingKey: "")

  @Test("Messages are assembled; overruns and wrong orders are refused")
  func assembles() throws {
    let assembler = ContentAssembler(maxBodySize: 10)
    #expect(throws: WireError.self) { _ = try assembler.header(bodySize: 1, AMQPProperties()) }
    #expect(throws: WireError.self) { _ = try assembler.body(ByteBuffer()) }
    try assembler.begin(method)
    #expect(throws: WireError.self) { try assembler.begin(method) }
    #expect(throws: WireError.self) { try assembler.checkIdle() }
    #expect(try assembler.header(bodySize: 0, AMQPProperties())?.body == ByteBuffer())
    try assembler.begin(method)
    #expect(try assembler.header(bodySize: 10, AMQPProperties()) == nil)
    #expect(try assembler.body(ByteBuffer(string: "01234")) == nil)
    #expect(try assembler.body(ByteBuffer()) == nil)
    let content = try assembler.body(ByteBuffer(string: "56789"))
    #expect(content?.body == ByteBuffer(string: "0123456789"))
    #expect(content?.refusal == nil)
    let over = ContentAssembler(maxBodySize: 10)
    try over.begin(method)
    _ = try over.header(bodySize: 3, AMQPProperties())
    #expect(throws: WireError.self) { _ = try over.body(ByteBuffer(string: "four")) }
  }

  @Test("What is too large is passed over, with its properties, and the next message is read")
  func tooLarge() throws {
    let assembler = ContentAssembler(maxBodySize: 10)
    try assembler.begin(method)
    #expect(try assembler.header(bodySize: 11, AMQPProperties(messageID: "large")) == nil)
    #expect(try assembler.body(ByteBuffer(string: "0123456789")) == nil)
    let content = try assembler.body(ByteBuffer(string: "0"))
    #expect(content?.refusal?.code == .messageTooLarge)
    #expect(content?.properties.messageID == "large")
    #expect(content?.body.readableBytes == 0)
    try assembler.begin(method)
    #expect(try assembler.header(bodySize: 2, AMQPProperties()) == nil)
    #expect(try assembler.body(ByteBuffer(string: "ok"))?.refusal == nil)
    // A size that no broker has is a lie.
    try assembler.begin(method)
    #expect(throws: WireError.self) { _ = try assembler.header(bodySize: .max, AMQPProperties()) }
  }

  @Test("A message whose header cannot be read is passed over", arguments: [0, 3])
  func unreadable(_ size: UInt64) throws {
    let assembler = ContentAssembler(maxBodySize: 10)
    #expect(throws: WireError.self) { _ = try assembler.unreadableHeader(bodySize: size, .syntax("why")) }
    try assembler.begin(method)
    var content = try assembler.unreadableHeader(bodySize: size, .syntax("why"))
    if size > 0 {
      #expect(content == nil)
      content = try assembler.body(ByteBuffer(repeating: 0, count: Int(size)))
    }
    #expect(content?.refusal?.message.contains("why") == true)
    try assembler.checkIdle()
  }
}
