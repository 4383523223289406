import Foundation
import Testing

@testable import Warren

private struct Timeout: Error {}
private struct Refused: Error { var after: Int }
private struct Told: OutcomeError { var outcome: Outcome { .deadLetter("by the error") } }

@Suite struct RetryPolicyTests {
  @Test func exponentialDoublesUpToItsMaximum() {
    let policy = RetryPolicy.exponential(from: .seconds(1), retries: 6, maximum: .seconds(10))
    #expect(policy.delays == [1, 2, 4, 8, 10, 10].map { Duration.seconds($0) })
    #expect(policy.delay(afterAttempt: 0) == nil)
    #expect(policy.delay(afterAttempt: 7) == nil)
  }

  @Test func exponentialWithManyRetriesStaysAtItsMaximum() {
    let policy = RetryPolicy.exponential(from: .seconds(1), factor: 10, retries: 5000, maximum: .seconds(3600))
    #expect(policy.delay(afterAttempt: 5000) == .seconds(3600))
  }

  @Test func linearGrowsByItsStep() {
    #expect(RetryPolicy.linear(step: .seconds(5), retries: 3).delays == [5, 10, 15].map { Duration.seconds($0) })
  }

  @Test func fixedIsItsList() {
    #expect(RetryPolicy.fixed([.seconds(3), .seconds(1)]).delays == [.seconds(3), .seconds(1)])
    #expect(RetryPolicy.none.retries == 0)
    #expect(RetryPolicy.none.delays.isEmpty)
  }

  @Test func jitterStaysWithinItsFraction() throws {
    let policy = RetryPolicy.fixed([.seconds(10)]).jitter(0.2)
    var seen: Set<Duration> = []
    for _ in 0..<200 {
      let delay = try #require(policy.spreadDelay(afterAttempt: 1))
      #expect(delay >= .seconds(8) && delay <= .seconds(12))
      seen.insert(delay)
    }
    #expect(seen.count > 100)
  }

  @Test func theFirstRuleThatFitsDecidesThenTheErrorThenTheSchedule() {
    let policy = RetryPolicy.standard
      .on(Refused.self) { .retry(after: .seconds($0.after)) }
      .on(Refused.self) { _ in .complete }
    #expect(policy.outcome(for: Refused(after: 7)) == .retry(after: .seconds(7)))
    #expect(policy.outcome(for: Told()) == .deadLetter("by the error"))
    #expect(policy.outcome(for: Outcome.release) == .release)
    #expect(policy.outcome(for: Timeout()) == .retry())
    #expect(policy.on(Told.self) { _ in .complete }.outcome(for: Told()) == .complete)
  }

  @Test func noDurationIsTooAbsurd() {
    let absurd: [Duration] = [.seconds(Int64.max), .seconds(Int64.min), .zero, .nanoseconds(1)]
    for first in absurd {
      for attempt in [1, 2, 64, 10_000, Int.max] {
        let exponential = RetryPolicy.exponential(
          from: first, factor: 1e300, retries: .max, maximum: .seconds(Int64.max)
        ).jitter(1)
        #expect(exponential.delay(afterAttempt: attempt) != nil)
        #expect(exponential.spreadDelay(afterAttempt: attempt) != nil)
        let linear = RetryPolicy.linear(step: first, retries: .max, maximum: .seconds(Int64.max)).jitter(.nan)
        #expect(linear.spreadDelay(afterAttempt: attempt) != nil)
      }
      #expect(!first.words.isEmpty)
      #expect(Date().adding(first).formatted(.iso8601).count == 20)
    }
    #expect(RetryPolicy.exponential(from: .seconds(1), factor: .nan, retries: .max).delays.count == 1000)
    #expect(RetryPolicy.exponential(from: .seconds(1), retries: 2).delay(afterAttempt: 3) == nil)
  }

  @Test func aTimeThatIsNoNumberIsOver() async throws {
    try await SystemClock().sleep(until: Date(timeIntervalSince1970: .nan))
    try await SystemClock().sleep(until: Date(timeIntervalSince1970: -.infinity))
    #expect(Date(timeIntervalSince1970: .nan).clamped <= Date())
    #expect(Date(timeIntervalSince1970: .nan).adding(.seconds(Int64.max)) <= Date())
  }

  @Test func theStandardSpreadsOverHours() {
    let hours = RetryPolicy.standard.delays.reduce(.zero, +).seconds / 3600
    #expect((3.0...6.0).contains(hours))
    #expect(RetryPolicy.standard.delays.count == 10)
  }

  @Test func whatAHandlerDecidesGoesBeforeARuleForAnyError() {
    let policy = RetryPolicy.standard.on((any Error).self) { _ in .retry(after: .seconds(1)) }
    #expect(policy.outcome(for: Outcome.deadLetter("no use")) == .deadLetter("no use"))
    #expect(policy.outcome(for: Timeout()) == .retry(after: .seconds(1)))
  }

  @Test func aTimeoutCanHaveARule() {
    let policy = RetryPolicy.standard.on(HandlerTimeout.self) { .deadLetter("\($0)") }
    #expect(
      policy.outcome(for: HandlerTimeout(limit: .seconds(30))) == .deadLetter("the handler took longer than 30 s"))
  }
}
