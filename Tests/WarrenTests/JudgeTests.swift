import Foundation
import Testing

@testable import Warren

private struct Timeout: Error {}

@Suite struct JudgeTests {
  private let judge = Judge(worker: "w")
  private let now = Date(timeIntervalSince1970: 1_000_000)

  private func delivery(
    attempts: Int = 0, deaths: Int = 0, isSuspect: Bool = false, expiresAt: Date? = nil
  ) -> Delivery {
    var message = Message(id: "m", name: "n", body: Data())
    message.expiresAt = expiresAt
    return Delivery(
      message: message, queue: "q", exchange: nil, routingKey: "q",
      history: History(attempts: attempts, interruptions: deaths), isSuspect: isSuspect,
      token: .init(scope: 0, number: 0, fence: 0))
  }

  @Test func anOrdinaryDeliveryIsHandled() { #expect(judge.settlement(before: delivery(), now: now) == nil) }

  @Test(arguments: [2, 3, 4, 100]) func deathsMakeASuspectAndOnlyThat(_ deaths: Int) {
    let settlement = judge.settlement(before: delivery(deaths: deaths), now: now)
    if deaths < 3 {
      #expect(settlement == nil)
    } else {
      guard case .isolate? = settlement else { return #expect(Bool(false)) }
    }
  }

  @Test func aSuspectIsParkedAtTheFifthDeath() throws {
    #expect(judge.settlement(before: delivery(deaths: 4, isSuspect: true), now: now) == nil)
    guard case .deadLetter(let reason, _)? = judge.settlement(before: delivery(deaths: 5, isSuspect: true), now: now)
    else { return #expect(Bool(false)) }
    #expect(reason.kind == .crashLooping)
  }

  @Test(arguments: [(Duration.seconds(90), 90.0), (.seconds(-5), 0), (.zero, 0)])
  func postponingForATimeCostsNoAttempt(_ time: Duration, _ seconds: Double) {
    let policy = RetryPolicy.none.on(Timeout.self) { _ in .postpone(for: time) }
    let settlement = judge.settlement(after: Timeout(), of: delivery(attempts: 3), policy: policy, now: now)
    #expect(settlement == .postpone(until: now.addingTimeInterval(seconds)))
  }

  @Test func theExpiredIsParkedAndCostsNoAttempt() {
    guard case .deadLetter(let reason, let history)? = judge.settlement(before: delivery(expiresAt: now), now: now)
    else { return #expect(Bool(false)) }
    #expect(reason.kind == .expired)
    #expect(history.attempts == 0)
    #expect(judge.settlement(before: delivery(expiresAt: now.addingTimeInterval(1)), now: now) == nil)
  }

  @Test func aJobOfUnknownNameWaitsForADeploymentThenItIsParked() {
    var history = History(attempts: 2)
    var time = now
    var waits = 0
    while true {
      let job = Delivery(
        message: Message(id: "m", name: "new.job", body: Data()), queue: "q", exchange: nil, routingKey: "q",
        history: history, isSuspect: false, token: .init(scope: 0, number: 0, fence: 0))
      switch judge.settlement(unhandled: job, "new.job", nil, now: time) {
      case .retry(let at, let noted)?:
        #expect(noted.attempts == 2)
        #expect((5.0...60.0).contains(at.timeIntervalSince(time)))
        (history, time, waits) = (noted, at, waits + 1)
      case .deadLetter(let reason, let noted)?:
        #expect(reason == DeadLetterReason(.unknownName, "no handler of 'q' takes the job 'new.job', for 15 min"))
        #expect(noted.failures.count == 1)
        #expect(time.timeIntervalSince(now) == 900)
        #expect(waits < 25)
        return
      case let other: return #expect(Bool(false), "\(String(describing: other))")
      }
    }
  }

  @Test func theLastFailureExhausts() {
    let policy = RetryPolicy.exponential(from: .seconds(1), retries: 3)
    for attempts in 0...2 {
      guard
        case .retry(let time, let history) = judge.settlement(
          after: Timeout(), of: delivery(attempts: attempts), policy: policy, now: now)
      else { return #expect(Bool(false)) }
      #expect(time == now.addingTimeInterval(pow(2, Double(attempts))))
      #expect(history.attempts == attempts + 1)
      #expect(
        history.failures.last
          == Failure(time: now, attempt: attempts + 1, error: "Timeout", message: "Timeout()", worker: "w"))
    }
    guard
      case .deadLetter(let reason, let history) = judge.settlement(
        after: Timeout(), of: delivery(attempts: 3), policy: policy, now: now)
    else { return #expect(Bool(false)) }
    #expect(reason.kind == .exhausted)
    #expect(history.attempts == 4)
  }

  @Test func aTimeNamedByTheErrorStillCountsTheAttempt() {
    let policy = RetryPolicy.fixed([.seconds(1)])
    guard
      case .retry(let time, _) = judge.settlement(
        after: Outcome.retry(after: .seconds(90)), of: delivery(), policy: policy, now: now)
    else { return #expect(Bool(false)) }
    #expect(time == now.addingTimeInterval(90))
    guard
      case .deadLetter = judge.settlement(
        after: Outcome.retry(after: .seconds(90)), of: delivery(attempts: 1), policy: policy, now: now)
    else { return #expect(Bool(false)) }
  }

  @Test func longErrorsAreCut() {
    struct Long: Error, CustomStringConvertible { var description: String { String(repeating: "é", count: 10_000) } }
    guard
      case .deadLetter(let reason, let history) = judge.settlement(
        after: Long(), of: delivery(), policy: .none, now: now)
    else { return #expect(Bool(false)) }
    #expect(reason.detail.count <= Failure.messageLimit)
    #expect((history.failures.first?.message.count ?? 0) <= Failure.messageLimit + 1)
  }
}
