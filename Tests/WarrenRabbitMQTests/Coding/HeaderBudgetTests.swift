import AMQP
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// One character may be of any number of bytes, so what is recorded is measured in bytes.
@Suite("A7: the size of what is recorded") struct HeaderBudgetTests {
  private static let monster = "e" + String(repeating: "\u{301}", count: 100_000)

  @Test("A text is cut by bytes, at the border of a scalar") func cuts() {
    for limit in [0, 2, 3, 10, 200, 4096] {
      for text in ["", "plain text", "🙂🙂🙂🙂🙂", Self.monster] {
        let cut = text.cut(toBytes: limit)
        #expect(cut.utf8.count <= max(limit, 0) && !cut.contains("\u{FFFD}"))
        if text.utf8.count <= limit { #expect(cut == text) }
      }
    }
  }

  @Test(
    "A record fits beside any headers, or it is said that nothing does",
    arguments: [0, 1000, 60_000, 119_000, 122_900, 140_000])
  func fits(_ foreign: Int) throws {
    var properties = AMQPProperties(headers: ["foreign": .string(String(repeating: "x", count: foreign))])
    let failures = (1...7).map {
      Failure(
        time: Date(timeIntervalSince1970: 1), attempt: $0, error: Self.monster, message: Self.monster + "\"\\\n",
        worker: Self.monster)
    }
    let history = History(attempts: 7, interruptions: 1, failures: failures, replays: 2)
    guard let record = HeaderBudget.fit(history, detail: Self.monster, into: properties) else {
      #expect(foreign > 110_000)
      return
    }
    #expect(record.history.attempts == 7 && record.history.replays == 2)
    var headers = try #require(properties.headers)
    record.history.write(to: &headers)
    headers[HeaderNames.detail] = .string(record.detail)
    properties.headers = headers
    #expect(properties.byteCount <= Limits.largestPropertiesOfCopies)
    if foreign < 60_000 { #expect(record.history.failures.last?.attempt == 7 && !record.detail.isEmpty) }
  }
}
