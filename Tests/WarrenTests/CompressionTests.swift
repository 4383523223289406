import BrokerConformance
import Foundation
import Logging
import Testing
import WarrenTesting

@testable import Warren

private struct Report: EventMessage {
  static let name: MessageName = "report"
  var text: String
}
private struct Big: JobMessage {
  static let name: MessageName = "big"
  static let queue: Queue = "bigs"
  static let compression: Compression? = .gzip(above: 100)
  var text: String
}

/// Bodies that are packed on their way out and unpacked on their way in.
@Suite struct CompressionTests {
  private let text = String(repeating: "a lot of text, ", count: 1000)

  @Test func whatIsPackedComesOutAsItWas() throws {
    for size in [0, 1, 100, 1024, 1025, 100_000, 5_000_000] {
      let body = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 / 7) })
      let packed = try #require(GZip.pack(body))
      #expect(try GZip.unpack(packed, to: max(1, size)) == body)
    }
  }

  @Test func whatIsNoGZipOrIsCutOffIsRefused() throws {
    let packed = try #require(GZip.pack(Data(text.utf8)))
    var changed = packed
    changed[packed.count / 2] ^= 0xFF
    for data in [Data(), Data("{}".utf8), packed.prefix(packed.count - 1), packed.prefix(20), packed + [1], changed] {
      #expect(throws: GZipError.self) { try GZip.unpack(data, to: 1_000_000) }
    }
  }

  @Test func aBombIsRefusedWhateverItSaysOfItsSize() throws {
    var bomb = try #require(GZip.pack(Data(count: 64 << 20)))
    #expect(throws: GZipError.tooLarge(1 << 20)) { try GZip.unpack(bomb, to: 1 << 20) }
    bomb.replaceSubrange(bomb.count - 4..<bomb.count, with: [1, 0, 0, 0])
    #expect(throws: GZipError.tooLarge(1 << 20)) { try GZip.unpack(bomb, to: 1 << 20) }
    #expect(throws: GZipError.broken) { try GZip.unpack(bomb, to: 65 << 20) }
  }

  @Test func severalMembersAreOneBody() throws {
    let members = try ["one ", "two ", text].map { try #require(GZip.pack(Data($0.utf8))) }
    #expect(try GZip.unpack(members[2] + members[0] + members[1], to: 1 << 20) == Data((text + "one two ").utf8))
  }

  @Test func onlyLargeBodiesArePackedAndOnlyWhereItHelps() {
    let body = Data(text.utf8)
    #expect(Compression.none.packed(body) == nil)
    #expect(Compression.gzip(above: body.count).packed(body) == nil)
    #expect(Compression.gzip(above: body.count - 1).packed(body).map { $0.count < body.count / 10 } == true)
    #expect(Compression.gzip(above: 0).packed(Data("x".utf8)) == nil, "it would become larger")
    var encoded = Message(id: "1", name: nil, body: body, contentEncoding: "utf-8")
    encoded.pack(.gzip(above: 0))
    #expect(encoded.body == body && encoded.contentEncoding == "utf-8")
  }

  @Test func busAndTypeSayWhatIsPackedAndHandlersGetItUnpacked() async throws {
    let broker = try TestBroker()
    let seen = Log<String>()
    let worker = try Worker(broker, name: "w", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }) {
      Subscription("reports", on: "events", to: "report") {
        On(Report.self) { report, context in
          seen.add("\(report.text.count) \(context.message.contentEncoding ?? "none")")
        }
      }
      On(Big.self) { big, _ in seen.add("\(big.text.count)") }
    }
    try await broker.working(worker) {
      let bus = EventBus(broker, exchange: .topic("events"), source: "test", compression: .gzip(above: 1000))
      try await bus.publish(Report(text: text))
      #expect(try await seen.next() == "15000 none")
      try await bus.publish(Report(text: "short"))
      #expect(try await seen.next() == "5 none")
      try await EventBus(broker, source: "test").enqueue(Big(text: text))
      #expect(try await seen.next() == "15000")
      #expect(broker.published.map(\.message.contentEncoding) == ["gzip", nil, "gzip"])
      #expect(broker.published[0].message.body.count < 1000)
    }
  }

  @Test func aForeignBodyIsUnpackedAndWhatCannotBeIsParkedAsItCame() async throws {
    let broker = try TestBroker()
    let seen = Log<String>()
    var options = Worker.Options()
    options.unpackedLimit = 1 << 20
    let worker = try Worker(
      broker, name: "w", options: options, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
    ) {
      Subscription("reports", on: "events", to: "report") {
        On(Report.self) { report, _ in
          seen.add(report.text)
          if report.text == "fails" { throw Outcome.deadLetter("as asked") }
        }
      }
      .codec(.plain)
    }
    @Sendable func foreign(_ id: MessageID, _ body: Data, _ encoding: String) -> Publication {
      Publication(
        Message(id: id, name: nil, body: body, contentEncoding: encoding), to: .exchange("events", "report"))
    }
    let good = try #require(GZip.pack(Data(#"{"text":"hello"}"#.utf8)))
    let failing = try #require(GZip.pack(Data(#"{"text":"fails"}"#.utf8)))
    let bomb = try #require(GZip.pack(Data(count: 32 << 20)))
    try await broker.working(worker) {
      _ = try await broker.publish([
        foreign("good", good, "GZIP"), foreign("failing", failing, "x-gzip"), foreign("bomb", bomb, "gzip"),
        foreign("broken", Data("no gzip".utf8), "gzip"),
      ])
      try await broker.completed("good")
      let tooLarge = try await broker.deadLettered("bomb")
      #expect(tooLarge.kind == .undecodable && tooLarge.detail.contains("larger than 1048576 bytes"))
      #expect(try await broker.deadLettered("broken").detail.contains("not gzip"))
      #expect(try await broker.deadLettered("failing").detail == "as asked")
      #expect(Set(try await seen.next(2)) == ["hello", "fails"])
      let letters = try await broker.deadLetters(DeadLetterSelection()).letters
      let letter = try #require(letters.first { $0.message.id == "failing" }).message
      #expect(letter.body == failing && letter.contentEncoding == "x-gzip", "it is parked as it came")
      #expect(letter.text == #"{"text":"fails"}"#, "and read as what it says")
      let edited = try #require(letter.body(for: #"{"text":"other"}"#))
      #expect(try GZip.unpack(edited, to: 100) == Data(#"{"text":"other"}"#.utf8))
    }
  }
}
