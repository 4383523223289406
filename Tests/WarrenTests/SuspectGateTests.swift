import Foundation
import Testing
import WarrenTesting

@testable import Warren

@Suite struct SuspectGateMachineTests {
  private var machine = SuspectGateMachine(patience: .seconds(60))
  private let begin = Date(timeIntervalSince1970: 1_000_000)

  private func at(_ seconds: Double) -> Date { begin.addingTimeInterval(seconds) }
  private func admitted(_ told: SuspectGateMachine.Told) -> [Int] {
    told.filter { $0.admission == .admitted }.map(\.id).sorted()
  }

  @Test mutating func aSuspectWaitsUntilItIsAloneAndTheOthersWaitForIt() {
    #expect(machine.enter(1, isSuspect: false, now: at(0)) == .admitted)
    #expect(machine.enter(2, isSuspect: true, now: at(0)) == .waits)
    #expect(machine.enter(3, isSuspect: false, now: at(0)) == .waits)
    #expect(admitted(machine.leave(1, isSuspect: false, now: at(1))) == [2])
    #expect(machine.enter(4, isSuspect: false, now: at(1)) == .waits)
    #expect(admitted(machine.leave(2, isSuspect: true, now: at(2))) == [3, 4])
    #expect(machine.expiry == nil)
  }

  @Test mutating func aSuspectThatCannotBeAloneIsPutOffAndTheGateStaysOpenAsLongAsItWasClosed() {
    _ = machine.enter(1, isSuspect: false, now: at(0))
    _ = machine.enter(2, isSuspect: true, now: at(10))
    _ = machine.enter(3, isSuspect: false, now: at(20))
    #expect(machine.expiry == at(70))
    #expect(machine.expire(now: at(69)).isEmpty)
    let told = machine.expire(now: at(70))
    #expect(admitted(told) == [3])
    #expect(told.contains { $0.id == 2 && $0.admission == .refused(until: at(130)) })
    #expect(machine.enter(4, isSuspect: true, now: at(100)) == .refused(until: at(130)))
    #expect(machine.enter(5, isSuspect: false, now: at(100)) == .admitted)
    #expect(machine.enter(6, isSuspect: true, now: at(130)) == .waits)
  }

  @Test mutating func aSuspectThatHangsHoldsTheOthersUpForItsPatienceOnly() {
    #expect(machine.enter(1, isSuspect: true, now: at(0)) == .admitted)
    #expect(machine.enter(2, isSuspect: false, now: at(0)) == .waits)
    #expect(admitted(machine.expire(now: at(60))) == [2])
    #expect(machine.overstaying == [1])
    #expect(machine.enter(3, isSuspect: false, now: at(61)) == .admitted)
    // The next one waits for the one that hangs, and is put off in its turn.
    #expect(machine.enter(4, isSuspect: true, now: at(120)) == .waits)
    _ = machine.leave(2, isSuspect: false, now: at(121))
    _ = machine.leave(3, isSuspect: false, now: at(121))
    #expect(admitted(machine.leave(1, isSuspect: true, now: at(122))) == [4])
    #expect(machine.overstaying.isEmpty)
  }

  @Test mutating func atAStopNoneComesIn() {
    _ = machine.enter(1, isSuspect: true, now: at(0))
    _ = machine.enter(2, isSuspect: false, now: at(0))
    #expect(machine.stop(now: at(1)).map(\.admission) == [.refused(until: at(1))])
    #expect(machine.enter(3, isSuspect: false, now: at(1)) == .refused(until: at(1)))
  }

  /// Any order of events: never a suspect beside others unless it took too long, none waits for ever, others run half of the
  /// time at least.
  @Test(arguments: 0..<20) func anyOrderOfEventsKeepsThePromises(_ seed: Int) {
    var random = SystemRandomNumberGenerator()
    var machine = SuspectGateMachine(patience: .seconds(60))
    var now = begin
    var inside: [Int: Bool] = [:]
    var waiting: [Int: Bool] = [:]
    func tell(_ told: SuspectGateMachine.Told) {
      for (id, admission) in told {
        let isSuspect = waiting.removeValue(forKey: id)
        #expect(isSuspect != nil)
        if admission == .admitted { inside[id] = isSuspect }
      }
    }
    for id in 0..<2000 {
      now += Double.random(in: 0...5, using: &random)
      if let expiry = machine.expiry, expiry <= now { tell(machine.expire(now: now)) }
      if Bool.random(using: &random) {
        let isSuspect = Int.random(in: 0..<5, using: &random) == 0
        switch machine.enter(id, isSuspect: isSuspect, now: now) {
        case .admitted: inside[id] = isSuspect
        case .waits: waiting[id] = isSuspect
        case .refused: break
        }
      } else if let (id, isSuspect) = inside.randomElement(using: &random) {
        inside[id] = nil
        tell(machine.leave(id, isSuspect: isSuspect, now: now))
      }
      let alone = inside.filter { $0.value && !machine.overstaying.contains($0.key) }
      #expect(alone.count <= 1)
      if !alone.isEmpty { #expect(inside.count == 1) }
      if !waiting.isEmpty { #expect(machine.expiry != nil) }
    }
  }
}

/// The gate of a worker, by a clock that is set.
@Suite struct SuspectGateTests {
  private let clock = VirtualClock()

  private func wait(until condition: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while !condition() {
      try #require(ContinuousClock.now < end)
      await Task.yield()
    }
  }

  @Test(arguments: [-3600.0, 3600, 316_224_000])
  func aClockThatIsSetHoldsUpNeitherASuspectNorTheOthers(_ jump: Double) async throws {
    let gate = SuspectGate(patience: .seconds(60), clock: clock)
    let stays = Watched(true)
    let begun = Watched(0)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        _ = await gate.run(isSuspect: false) {
          begun.withValue { $0 += 1 }
          await stays.wait { !$0 }
        }
      }
      await begun.wait { $0 == 1 }
      let suspect = Watched<Date?>(nil)
      group.addTask {
        let outcome = await gate.run(isSuspect: true) {}
        if case .refused(let time) = outcome { suspect.withValue { $0 = time } }
      }
      try? await wait { clock.sleepers == 1 && gate.isClosed }
      group.addTask { _ = await gate.run(isSuspect: false) { begun.withValue { $0 += 1 } } }
      clock.jump(by: .seconds(jump))
      #expect(begun.value == 1)
      clock.advance(by: .seconds(60))
      // The other comes in, and the suspect is told a time that is as far away as the gate was closed.
      await begun.wait { $0 == 2 }
      await suspect.wait { $0 != nil }
      #expect(suspect.value.map { abs($0.timeIntervalSince(clock.now) - 60) < 0.01 } == true)
      stays.withValue { $0 = false }
    }
  }

  @Test func atAStopThoseThatWaitAreRefusedAtOnce() async throws {
    let gate = SuspectGate(patience: .seconds(60), clock: clock)
    let stays = Watched(true)
    let begun = Watched(0)
    await withTaskGroup(of: Bool.self) { group in
      func enter(isSuspect: Bool) {
        group.addTask {
          let outcome = await gate.run(isSuspect: isSuspect) {
            begun.withValue { $0 += 1 }
            await stays.wait { !$0 }
          }
          if case .refused(let time) = outcome { return time <= self.clock.now }
          return false
        }
      }
      enter(isSuspect: false)
      await begun.wait { $0 == 1 }
      for _ in 0..<3 { enter(isSuspect: true) }
      try? await wait { clock.sleepers == 3 && gate.isClosed }
      enter(isSuspect: false)
      gate.stop()
      var refused = 0
      for _ in 0..<4 { refused += await group.next() == true ? 1 : 0 }
      #expect(refused == 4)
      #expect(begun.value == 1)
      stays.withValue { $0 = false }
    }
  }
}
