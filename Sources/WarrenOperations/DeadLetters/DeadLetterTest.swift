internal import Foundation
public import Warren

/// A dead letter as a test: the source of a file for Swift Testing that handles the message in memory and fails until the cause is
/// corrected.
///
/// The file compiles as it is. Its worker is a stand-in, in whose place the one of the program is put.
public struct DeadLetterTest: Sendable {
  /// The dead letter; what is hidden in it is hidden in the file, too.
  public let letter: DeadLetter
  /// Whether something is hidden.
  public let isMasked: Bool

  /// The test of a dead letter. A body that is packed by gzip stands unpacked in the file.
  ///
  /// - Throws: ``Warren/BrokerError/Code/invalid`` when something is to be hidden in a body that is not text.
  public init(_ letter: DeadLetter, mask: Mask = .standard) throws(BrokerError) {
    var letter = letter
    let body = BodyView(letter.message, mask: mask)
    if body.format == .base64 {
      if body.isMasked {
        throw BrokerError(
          .invalid,
          "the body of '\(letter.message.id ?? "")' is not text, and what is in it cannot be hidden: export it with nothing hidden"
        )
      }
    } else if body.isMasked || body.packing != nil {
      letter.message.body = Data(body.text.utf8)
      letter.message.contentEncoding = nil
    }
    let headers = mask.headers(letter.message.headers)
    isMasked = body.isMasked || headers != letter.message.headers
    letter.message.headers = headers
    letter.reason.detail = mask.text(letter.reason.detail)
    letter.message.id = letter.message.id ?? "dead-letter"
    self.letter = letter
  }

  /// The file.
  public var source: String {
    let message = letter.message
    let id = message.id ?? "dead-letter"
    let time = message.timestamp ?? letter.time
    // What names a message without a name is its routing key.
    let place =
      if message.name == nil, let exchange = letter.exchange {
        ".exchange(\(literal(exchange.rawValue)), \(literal(letter.routingKey.rawValue)))"
      } else {
        ".queue(\(literal(letter.origin.rawValue)))"
      }
    let hidden = isMasked ? "\n// What stands as *** was hidden." : ""
    return """
      // A dead letter of the queue \(oneLine(letter.origin.rawValue)), parked at \(letter.time.formatted(.iso8601)):
      // \(oneLine(letter.reason.description))\(hidden)
      import Foundation
      import Testing
      import Warren
      import WarrenTesting

      /// Put the worker of your program here, with what its handlers need. The test fails as the message did, until that is corrected.
      private func worker(on broker: TestBroker) throws -> Worker {
        try Worker(broker, name: "test") {
          Subscription(Queue(\(literal(letter.origin.rawValue)))) {
            OnAny { _, _ in throw Outcome.deadLetter("put the worker of your program into this test") }
          }
        }
      }

      @Test func deadLetter\(identifier(id.rawValue))IsHandled() async throws {
        let json = \(raw(json(message)))
        let message = try JSONDecoder().decode(Message.self, from: Data(json.utf8))
        // The clock stands at the time when it was published.
        let clock = VirtualClock(now: Date(timeIntervalSince1970: \(time.timeIntervalSince1970)))
        let broker = try TestBroker(clock: clock)
        try await broker.working(worker(on: broker)) {
          _ = try await broker.publish([Publication(message, to: \(place))])
          #expect(try await broker.reason(of: \(literal(id.rawValue))) == nil)
        }
      }

      """
  }

  private func json(_ message: Message) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(message)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// A literal of several lines in which nothing has a meaning.
  private func raw(_ text: String) -> String {
    var marks = "#"
    while text.contains("\"\"\"" + marks) || text.contains("\\" + marks) { marks += "#" }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
    return "\(marks)\"\"\"\n\(lines.joined(separator: "\n"))\n    \"\"\"\(marks)"
  }

  private func literal(_ text: String) -> String {
    var marks = "#"
    while text.contains("\"" + marks) || text.contains("\\" + marks) { marks += "#" }
    let isPlain = !text.contains { $0 == "\"" || $0 == "\\" || $0.isNewline }
    if isPlain { return "\"\(text)\"" }
    return "\(marks)\"\(text.replacing("\r\n", with: " ").replacing("\n", with: " "))\"\(marks)"
  }

  private func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 }.prefix(300))
  }

  /// The letters and digits of a text, as a part of a name.
  private func identifier(_ text: String) -> String {
    let words = text.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
    return words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }
}

extension Operations {
  /// The test of one dead letter, with what is hidden from those who act here hidden.
  ///
  /// - Throws: as ``draft(_:in:)``, and ``Warren/BrokerError/Code/invalid`` when something cannot be hidden.
  public func test(of id: MessageID, in queue: QueueName? = nil) async throws(BrokerError) -> DeadLetterTest {
    try DeadLetterTest(try await draft(id, in: queue).original, mask: mask)
  }
}
