import Foundation
import Testing
import Warren

/// What is kept of a message's failures has to fit into a header, whatever an error's text repeats.
@Suite struct HistoryTests {
  private static let texts = [
    String(repeating: "long ü ", count: 1000), "e" + String(repeating: "\u{301}", count: 100_000),
    String(repeating: "👩‍👩‍👧‍👦", count: 500), String(repeating: "x", count: 501), "short",
  ]

  @Test(arguments: texts) func textsAreCutByBytes(_ text: String) {
    let failure = Failure(time: .now, attempt: 1, error: text, message: text, worker: text)
    #expect(failure.message.utf8.count <= Failure.messageLimit)
    #expect(failure.error.utf8.count <= 120)
    #expect(failure.worker.utf8.count <= 255)
    let reason = DeadLetterReason(.exhausted, text)
    #expect(reason.detail.utf8.count <= Failure.messageLimit)
    let isWhole = text.utf8.count <= 120
    #expect(failure.message.hasSuffix("…") != isWhole)
    #expect(!failure.message.unicodeScalars.contains("\u{FFFD}"))
  }

  @Test func countersFromStrangersAreKeptInBounds() {
    let history = History(attempts: .max, interruptions: -5, replays: .max)
    #expect(history.attempts == 1_000_000_000)
    #expect(history.interruptions == 0)
    #expect(history.nextAttempt == 1_000_000_001)
    #expect(history.replayed().replays == 1_000_000_000)
  }
}
