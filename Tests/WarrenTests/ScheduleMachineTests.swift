import Foundation
import Testing

@testable import Warren

private struct Clean: JobMessage {
  static let name: MessageName = "clean"
  static let queue: Queue = "cleaning"
}

/// What is to be done for a schedule, without a clock or a store.
@Suite struct ScheduleMachineTests {
  private let begin = Date(timeIntervalSince1970: 1_800_000_000)
  private let minute = 60.0

  private func machine(_ missed: MissedRuns = .latest, owner: String = "me") throws -> ScheduleMachine {
    ScheduleMachine(ticks: try Ticks(.every(.seconds(60))), missed: missed, owner: owner)
  }
  private var fresh: ScheduleState { ScheduleState(Schedule("clean", .every(.seconds(60))) { Clean() }, now: begin) }

  /// What is enqueued by one process until nothing is to be done, and what is known then.
  private func work(
    _ machine: ScheduleMachine, _ state: ScheduleState, now: Date
  ) -> (runs: [ScheduleState.Run], state: ScheduleState) {
    var (runs, state) = ([ScheduleState.Run](), state)
    for _ in 0..<10_000 {
      switch machine.step(state, now: now) {
      case .wait: return (runs, state)
      case .write(let written): state = written
      case .enqueue(let run):
        runs.append(run)
        guard let done = machine.done(run, state, now: now) else { break }
        state = done
      }
    }
    Issue.record("it does not end")
    return (runs, state)
  }

  @Test func aNewScheduleHasMissedNothing() throws {
    #expect(try machine(.all(limit: 9)).step(fresh, now: begin) == .wait(until: begin.addingTimeInterval(minute)))
  }

  @Test func aTickIsRunOnce() throws {
    let now = begin.addingTimeInterval(minute)
    let (runs, state) = work(try machine(), fresh, now: now)
    #expect(runs.map(\.tick) == [now])
    #expect(state.lastTick == now && state.run == nil && state.lastRun == now)
    #expect(try machine().step(state, now: now) == .wait(until: now.addingTimeInterval(minute)))
  }

  @Test(arguments: [
    (MissedRuns.skip, [Int]()), (.latest, [600]), (.all(limit: 1), [600]), (.all(limit: 3), [598, 599, 600]),
    (.all(limit: 1000), Array(1...600)),
  ]) func aMachineThatSlept(_ missed: MissedRuns, _ wanted: [Int]) throws {
    // Longer after the last tick than counts as on time would be; a minute less and `skip` runs it.
    let hourly = ScheduleMachine(ticks: try Ticks(.every(.seconds(3600))), missed: missed, owner: "me")
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    var state = fresh
    state.since = start
    let now = start.addingTimeInterval(600 * 3600 + 120)
    let (runs, end) = work(hourly, state, now: now)
    #expect(runs.map { Int($0.tick.timeIntervalSince(start)) / 3600 } == wanted)
    #expect(hourly.step(end, now: now) == .wait(until: start.addingTimeInterval(601 * 3600)))
  }

  @Test func aTickThatIsSeenALittleLateIsNotMissed() throws {
    let now = begin.addingTimeInterval(10 * minute + 59)
    #expect(work(try machine(.skip), fresh, now: now).runs.map(\.tick) == [begin.addingTimeInterval(10 * minute)])
  }

  @Test func aRunOfAnotherProcessIsLeftToItForTenSeconds() throws {
    let now = begin.addingTimeInterval(minute)
    guard case .write(let begun) = try machine(owner: "other").step(fresh, now: now) else {
      Issue.record("it begins")
      return
    }
    #expect(try machine().step(begun, now: now) == .wait(until: now.addingTimeInterval(10)))
    let (runs, _) = work(try machine(), begun, now: now.addingTimeInterval(10))
    #expect(runs.map { $0.id(of: "a/clean") } == [begun.run!.id(of: "a/clean")])
    // Nor for ever where its clock is wrong.
    var wrong = begun
    wrong.run?.since = now.addingTimeInterval(1_000_000)
    #expect(work(try machine(), wrong, now: now).runs.count == 1)
  }

  @Test func whatWasDoneByAnotherIsNotNotedTwice() throws {
    let now = begin.addingTimeInterval(minute)
    guard case .write(let begun) = try machine(owner: "other").step(fresh, now: now), let run = begun.run else {
      return
    }
    guard case .write(let taken) = try machine().step(begun, now: now.addingTimeInterval(10)) else { return }
    #expect(try machine(owner: "other").done(run, taken, now: now) == nil)
  }

  @Test func pausedTicksAreLeftOutAndWhatWasAskedForIsRun() throws {
    var state = fresh
    state.isPaused = true
    state.requests = [.init(tick: begin, request: "r1"), .init(tick: begin, request: "r2")]
    let (runs, end) = work(try machine(), state, now: begin.addingTimeInterval(10 * minute))
    #expect(runs.map { $0.id(of: "a/clean") } == ["schedule:a/clean@r1", "schedule:a/clean@r2"])
    #expect(end.lastTick == nil && end.requests.isEmpty)
  }

  @Test func anotherRecurrenceCountsFromNowOn() {
    var state = fresh
    state.lastTick = begin
    let now = begin.addingTimeInterval(86_400)
    let same = state.updated(Schedule("clean", .every(.seconds(60)), missed: .skip) { Clean() }, now: now)
    #expect(same.since == begin && same.missed == .skip)
    #expect(state.updated(Schedule("clean", .every(.seconds(30))) { Clean() }, now: now).since == now)
  }

  @Test func aClockThatWasFarAheadDoesNotStopASchedule() throws {
    var state = fresh
    state.lastTick = begin.addingTimeInterval(30 * 365 * 86_400)
    #expect(work(try machine(), state, now: begin.addingTimeInterval(1)).state.lastTick == state.lastTick)
    #expect(try machine().step(state, now: begin) == .wait(until: begin.addingTimeInterval(minute)))
  }
}
