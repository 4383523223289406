import Foundation
import Testing
import Warren

@testable import WarrenSQLite

@Suite struct StorageTests {
  @Test(arguments: [
    [:], ["a": "b"], ["": ""], ["quote\"": "back\\slash"], ["\u{0}": "\u{1f}\n\t"], ["ü": "日本🙂"], ["u": "\\u0041"],
    ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b,c=d"],
  ])
  func headersComeBack(_ headers: [String: String]) throws {
    let text = HeaderText.write(headers)
    #expect(HeaderText.read(text) == headers)
    let decoded = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    #expect(decoded == headers)
  }

  @Test func damagedHeadersDoNotCrash() {
    for text in ["", "{", "{\"", "{\"a", "{\"a\":", "{\"a\":\"", "{\"a\":\"b\\", "{\"a\":\"\\u12"] {
      _ = HeaderText.read(text)
    }
  }

  @Test func millisecondsAreNeverEarlyAndComeBack() {
    for number in stride(from: Int64(1_800_000_000_000), to: 1_800_000_002_000, by: 1) {
      #expect(Date(wholeMilliseconds: number).wholeMilliseconds == number)
      #expect(Date(wholeMilliseconds: number).wholeMillisecondsRoundedUp == number)
      #expect(Date.whenIs(number).wholeMilliseconds == number)
    }
    #expect(Date(timeIntervalSince1970: 1.0004).wholeMilliseconds == 1000)
    #expect(Date(timeIntervalSince1970: 1.0004).wholeMillisecondsRoundedUp == 1001)
    #expect(Date.distantFuture.wholeMilliseconds > 0)
    #expect(Date.distantPast.wholeMilliseconds < 0)
    #expect(Duration.seconds(1).wholeMilliseconds == 1000)
    #expect(Duration.nanoseconds(1).wholeMilliseconds == 1)
  }

  @Test func histories() {
    let history = History(
      attempts: 2, interruptions: 1,
      failures: [
        Failure(time: Date(wholeMilliseconds: 1_800_000_000_123), attempt: 2, error: "E", message: "m", worker: "w")
      ],
      replays: 3)
    #expect(History(stored: history.stored) == history)
    #expect(History().stored == nil)
    #expect(History(stored: nil) == History())
    #expect(History(stored: "{") == History())
  }
}
