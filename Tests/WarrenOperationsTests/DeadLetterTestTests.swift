import Foundation
import Testing
import Warren
import WarrenOperations
import WarrenTesting

/// A dead letter as a test of the program.
@Suite struct DeadLetterTestTests {
  private func letter(_ body: Data, encoding: String? = nil, headers: Message.Headers = [:]) -> DeadLetter {
    DeadLetter(
      message: Message(
        id: "mail-7", name: "mail.send", body: body, headers: headers, contentEncoding: encoding,
        timestamp: Date(timeIntervalSince1970: 1_800_000_000), source: "shop"),
      queue: "mails.dlq", origin: "mails", exchange: nil, routingKey: "mails",
      reason: DeadLetterReason(.exhausted, "MailError: 451\nlater"), time: Date(timeIntervalSince1970: 1_800_003_600),
      history: History())
  }
  private let body = Data(##"{"to":"ann@example.org","password":"s3cret","text":"a \"quote\"# and \\#(x)"}"##.utf8)

  @Test func theFileIsTheOneThatIsCompiledHere() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "ExportedTest.swift")
    let source = try DeadLetterTest(letter(body, headers: ["tenant": "a"])).source
    #expect(source.replacing("@Test func", with: "func") == (try String(contentsOf: file, encoding: .utf8)))
  }

  @Test func itFailsUntilTheProgramsWorkerIsPutIn() async throws {
    await withKnownIssue { try await deadLetterMail7IsHandled() }
  }

  @Test func whatIsHiddenIsHiddenInTheFileToo() throws {
    let hidden = try DeadLetterTest(letter(body))
    #expect(hidden.isMasked && !hidden.source.contains("s3cret") && hidden.source.contains("What stands as ***"))
    let open = try DeadLetterTest(letter(body), mask: .off)
    #expect(!open.isMasked && open.source.contains("s3cret"))
    let bytes = letter(Data([0xFF, 0x00]))
    #expect(throws: BrokerError.self) { try DeadLetterTest(bytes) }
    #expect(try DeadLetterTest(bytes, mask: .off).source.contains("base64"))
  }

  @Test func aPackedBodyStandsUnpacked() throws {
    let packed = try #require(
      Compression.gzip(above: 0).packed(Data((#"{"to":""# + String(repeating: "a", count: 200) + #""}"#).utf8)))
    let source = try DeadLetterTest(letter(packed, encoding: "gzip")).source
    #expect(source.contains("aaaa") && !source.contains("gzip"))
  }

  @Test func aForeignMessageIsFoundByItsRoutingKey() throws {
    var foreign = letter(Data("{}".utf8))
    foreign.message.name = nil
    foreign.message.id = nil
    foreign.exchange = "events"
    foreign.routingKey = "mail.sent"
    let source = try DeadLetterTest(foreign).source
    #expect(
      source.contains(#".exchange("events", "mail.sent")"#) && source.contains("deadLetterDeadLetterIsHandled"))
  }
}
