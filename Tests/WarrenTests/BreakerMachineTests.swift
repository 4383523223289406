import Testing

@testable import Warren

@Suite final class BreakerMachineTests {
  private var machine = BreakerMachine(
    BreakerRule(failures: 0.5, of: 4, pause: .seconds(10), longestPause: .seconds(30)))

  /// Handles a message at once.
  @discardableResult private func handle(
    _ message: MessageID?, _ result: BreakerMachine.Result, at second: Int
  ) -> BreakerMachine.Change {
    machine.end(machine.begin(now: .seconds(second)), of: message, result, now: .seconds(second))
  }

  private func reset() -> Bool { machine.reset() }

  /// Opens it at 0 s, for ten seconds.
  private func open() {
    for number in 0..<3 { #expect(handle("\(number)", .failure, at: 0) == .none) }
    #expect(handle("3", .failure, at: 0) == .opened(for: .seconds(10)))
  }

  @Test func opensWhenThatPartOfTheLastMessagesHasFailed() {
    #expect(handle("1", .failure, at: 0) == .none)
    for number in 2...4 { #expect(handle("\(number)", .success, at: 0) == .none) }
    // The first failure is not among the last four any more.
    #expect(handle("5", .failure, at: 1) == .none)
    #expect(handle("6", .failure, at: 1) == .opened(for: .seconds(10)))
    #expect(machine.phase == .open(until: .seconds(11)))
  }

  @Test func staysClosedWithFewMessagesOrOldOnes() {
    for second in 0..<40 { #expect(handle("\(second)", .failure, at: second * 21) == .none) }
    #expect(machine.phase == .closed)
    #expect(handle("a", .failure, at: 41 * 21) == .none)
    #expect(handle("b", .failure, at: 41 * 21) == .none)
    #expect(handle("c", .failure, at: 41 * 21) == .opened(for: .seconds(10)))
  }

  @Test func oneMessageThatAlwaysFailsDoesNotOpenIt() {
    for second in 0..<20 { #expect(handle("bad", .failure, at: second) == .none) }
    #expect(machine.phase == .closed)
    // A message without an id cannot be told from others.
    for _ in 0..<2 { #expect(handle(nil, .failure, at: 20) == .none) }
    #expect(handle(nil, .failure, at: 20) == .opened(for: .seconds(10)))
  }

  @Test func whatWasRepairedCountsAsASuccess() {
    for message in ["a", "b", "c"] as [MessageID] {
      handle(message, .failure, at: 0)
      handle(message, .success, at: 1)
    }
    handle("d", .success, at: 1)
    #expect(handle("e", .failure, at: 2) == .none)
  }

  @Test func whatSaysNothingCountsNowhere() {
    for number in 0..<20 { #expect(handle("\(number)", .unknown, at: 0) == .none) }
    for number in 20..<23 { #expect(handle("\(number)", .failure, at: 0) == .none) }
    #expect(handle("23", .failure, at: 0) == .opened(for: .seconds(10)))
  }

  @Test func aTryThatSucceedsClosesIt() {
    open()
    #expect(handle("x", .success, at: 10) == .closed)
    #expect(machine.phase == .closed)
    // It has forgotten what was before.
    for number in 0..<3 { #expect(handle("\(number)", .failure, at: 11) == .none) }
  }

  @Test func aTryThatFailsMakesThePauseLongerUpToItsLimit() {
    open()
    #expect(handle("x", .failure, at: 10) == .openedAgain(for: .seconds(20), isSpared: true))
    #expect(handle("y", .failure, at: 30) == .openedAgain(for: .seconds(30), isSpared: true))
    #expect(handle("x", .failure, at: 60) == .openedAgain(for: .seconds(30), isSpared: true))
    #expect(machine.phase == .open(until: .seconds(90)))
    #expect(handle("y", .success, at: 90) == .closed)
    for number in 0..<3 { handle("\(number)", .failure, at: 91) }
    #expect(handle("3", .failure, at: 91) == .opened(for: .seconds(10)), "the next time begins anew")
  }

  @Test func aMessageThatFailsAtTwoTriesRunningIsNotSpared() {
    open()
    #expect(handle("bad", .failure, at: 10) == .openedAgain(for: .seconds(20), isSpared: true))
    #expect(handle("bad", .failure, at: 30) == .openedAgain(for: .seconds(30), isSpared: false))
  }

  @Test func aTryThatTellsNothingIsFollowedByAnother() {
    open()
    #expect(handle("x", .unknown, at: 10) == .anotherProbe)
    #expect(handle("y", .success, at: 11) == .closed)
  }

  @Test func severalHaveToSucceedWhereTheRuleSaysSo() {
    machine = BreakerMachine(BreakerRule(failures: 1, of: 1, pause: .seconds(10), probes: 3))
    handle("1", .failure, at: 0)
    #expect(handle("2", .success, at: 10) == .none)
    #expect(handle("3", .success, at: 10) == .none)
    #expect(handle("4", .success, at: 10) == .closed)
    handle("5", .failure, at: 20)
    #expect(handle("6", .success, at: 30) == .none)
    #expect(handle("7", .failure, at: 30) == .openedAgain(for: .seconds(20), isSpared: true))
  }

  @Test func whatWasBegunBeforeItOpenedChangesNothing() {
    let before = machine.begin(now: .zero)
    let alsoBefore = machine.begin(now: .zero)
    open()
    #expect(machine.end(before, of: "late", .success, now: .seconds(1)) == .none)
    #expect(machine.end(alsoBefore, of: "late", .failure, now: .seconds(20)) == .none)
    #expect(machine.phase == .open(until: .seconds(10)))
  }

  @Test func whatWasOnItsWayWhenItOpenedMakesThePauseNoLonger() {
    open()
    #expect(handle("x", .failure, at: 1) == .anotherProbe)
    #expect(machine.phase == .open(until: .seconds(10)))
    #expect(handle("y", .success, at: 2) == .closed)
  }

  @Test func aResetClosesItAndLateTriesChangeNothing() {
    #expect(!reset())
    open()
    let probe = machine.begin(now: .seconds(10))
    #expect(reset() && machine.phase == .closed)
    #expect(machine.end(probe, of: "x", .failure, now: .seconds(11)) == .none)
    #expect(machine.phase == .closed)
  }
}
