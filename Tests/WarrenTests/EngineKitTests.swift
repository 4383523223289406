import Foundation
import Testing
import WarrenTesting

@testable import Warren

/// What engines have in common.
@Suite struct EngineLifecycleTests {
  private let clock = VirtualClock()

  @Test func whoSleepsForAWhileWakesUpWhenTheDayComesToThatMoment() async throws {
    // Times of day with fractions, which a `Date` rounds.
    let clock = VirtualClock(now: Date(timeIntervalSince1970: 1_800_000_000.123_456_7))
    for round in 1...50 {
      clock.advance(to: clock.now + 0.1 * Double(round) / 3)
      let (until, end) = (clock.now.adding(.seconds(30)), clock.elapsed + .seconds(30))
      let sleeper = Task { try await clock.sleep(untilElapsed: end) }
      while clock.sleepers == 0 { await Task.yield() }
      clock.advance(to: clock.now + 1.0 / 3)
      clock.advance(to: until)
      #expect(clock.sleepers == 0 && clock.elapsed >= end, "round \(round)")
      sleeper.cancel()
    }
  }

  @Test func callsWaitForTheEngineAndGetWhatItRunsOn() async throws {
    let lifecycle = EngineLifecycle<Int>()
    try lifecycle.begin()
    async let first = lifecycle.waitUntilRunning(for: .seconds(10), by: clock)
    lifecycle.open(7)
    #expect(try await first == 7)
    #expect(try await lifecycle.waitUntilRunning(for: .zero, by: clock) == 7)
    #expect(lifecycle.value == 7)
  }

  @Test func anEngineRunsOnce() async throws {
    let lifecycle = EngineLifecycle<Int>()
    try lifecycle.begin()
    #expect { try lifecycle.begin() } throws: { ($0 as? BrokerError)?.code == .invalid }
    lifecycle.end(BrokerError(.unsupported, "too old"))
    lifecycle.open(7)
    #expect(lifecycle.value == nil)
    #expect { try lifecycle.begin() } throws: { ($0 as? BrokerError)?.code == .unsupported }
    await #expect { try await lifecycle.waitUntilRunning(for: .seconds(1), by: clock) } throws: {
      ($0 as? BrokerError)?.code == .unsupported
    }
  }

  @Test(arguments: [false, true]) func atTheDeadlineTheErrorSaysWhatIsWrong(_ hasBegun: Bool) async throws {
    let lifecycle = EngineLifecycle<Int>()
    if hasBegun { try lifecycle.begin() }
    async let call = lifecycle.waitUntilRunning(for: .seconds(10), by: clock, away: "no answer")
    while clock.sleepers == 0 { await Task.yield() }
    clock.advance(by: .seconds(10))
    do {
      _ = try await call
      Issue.record("it runs")
    } catch let error as BrokerError {
      #expect(error.code == (hasBegun ? .unavailable : .notRunning))
      #expect(error.message.contains(hasBegun ? "no answer" : "withBroker"))
    }
  }
}

@Suite struct AdmissionTests {
  @Test func theRefusedHaveTheirErrorsInTheirPlacesAndTheRestIsSentTogether() async throws {
    let publications = (0..<6).map { number in
      Publication(
        Message(id: MessageID("\(number)"), name: "n", body: Data(count: number % 2 == 0 ? 10 : 20)), to: .queue("q"))
    }
    let results = try await publications.send {
      publication throws(BrokerError) in
      try publication.validate(largestBody: 10)
    } _: { admitted throws(BrokerError) in
      #expect(admitted.map(\.message.id) == ["0", "2", "4"])
      return [.stored, .unroutable, .repeated]
    }
    let words = results.map { result in
      switch result.kind {
      case .stored: "stored"
      case .repeated: "repeated"
      case .unroutable: "unroutable"
      case .failed: result.error?.code.rawValue ?? ""
      }
    }
    #expect(words == ["stored", "too-large", "unroutable", "too-large", "repeated", "too-large"])
  }
}
