import Testing

@testable import WarrenRabbitMQ

/// What a pump is to do, without a broker.
@Suite("Pump machine") struct PumpMachineTests {
  private typealias Machine = PumpMachine<Int>

  @Test("It is wanted until it is paused, stopped or ended, and again after a pause") func wanted() {
    var machine = Machine()
    #expect(machine.isWanted && !machine.isStopping)
    machine.setPaused(true)
    #expect(!machine.isWanted && !machine.isStopping)
    machine.setPaused(false)
    #expect(machine.isWanted)
    machine.stop()
    machine.setPaused(false)
    #expect(!machine.isWanted && machine.isStopping && !machine.isEnded)
    machine.end()
    #expect(machine.isStopping && machine.isEnded)
  }

  @Test("The broker is told once that nothing more is wanted, and only while there is a subscription")
  func unsubscribes() {
    var machine = Machine()
    machine.setPaused(true)
    #expect(!machine.isSurplus)
    let early = machine.beginUnsubscribing()
    machine.setPaused(false)
    machine.subscribed(window: 10)
    let unwanted = machine.beginUnsubscribing()
    machine.setPaused(true)
    let first = machine.beginUnsubscribing()
    let second = machine.beginUnsubscribing()
    #expect([early, unwanted, first, second] == [false, false, true, false])
    _ = machine.unsubscribed()
    #expect(machine.phase == .idle)
  }

  @Test("Acknowledgements are postponed while the broker is told, and come out at the end") func postpones() {
    var machine = Machine()
    machine.subscribed(window: 10)
    machine.arrived(3)
    let now = machine.mayAcknowledge(1, of: 1, postponing: true)
    machine.stop()
    _ = machine.beginUnsubscribing()
    let later = machine.mayAcknowledge(2, of: 1, postponing: true)
    let free = machine.mayAcknowledge(3, of: 1, postponing: false)
    #expect(now && !later && free)
    let postponed = machine.unsubscribed()
    #expect(postponed == [2])
    let after = machine.mayAcknowledge(4, of: 1, postponing: true)
    #expect(after)
  }

  @Test("The broker is told when the queue has nothing more to send, or may not send more") func mayUnsubscribe() {
    var machine = Machine()
    machine.subscribed(window: 3)
    machine.arrived(3)
    #expect(machine.mayUnsubscribe(ready: 5))
    _ = machine.mayAcknowledge(1, of: 1, postponing: true)
    #expect(!machine.mayUnsubscribe(ready: 5) && machine.mayUnsubscribe(ready: 0))
    machine.arrived(1)
    #expect(machine.mayUnsubscribe(ready: 4))
    _ = machine.unsubscribed()
    machine.subscribed(window: 3)
    machine.arrived(3)
    // What an earlier subscription brought makes no room in this one.
    _ = machine.mayAcknowledge(1, of: 1, postponing: true)
    #expect(machine.mayUnsubscribe(ready: 5))
    machine.lost()
    #expect(!machine.mayUnsubscribe(ready: 5))
  }

  @Test(
    "In any order of events nothing is acknowledged twice, forgotten, or told without a subscription", arguments: 0..<50
  )
  func anything(_ seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    var machine = Machine()
    var out: [(delivery: Int, subscription: Int)] = [], acknowledged: Set<Int> = [], kept: Set<Int> = []
    var last = 0
    for _ in 0..<400 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        machine.setPaused(Bool.random(using: &random))
        machine.setPausedByWorker(Bool.random(using: &random))
      case 1 where Int.random(in: 0..<40, using: &random) == 0: machine.stop()
      case 2 where machine.phase == .idle && machine.isWanted:
        machine.subscribed(window: 5)
        #expect(machine.unacknowledged == 0)
      case 3...5 where machine.phase != .idle && machine.unacknowledged < 5:
        last += 1
        machine.arrived(1)
        out.append((last, machine.subscription))
      case 6...7:
        guard let index = out.indices.randomElement(using: &random) else { continue }
        let (delivery, subscription) = out.remove(at: index)
        if machine.mayAcknowledge(delivery, of: subscription, postponing: true) {
          #expect(machine.phase != .unsubscribing && acknowledged.insert(delivery).inserted)
        } else {
          #expect(machine.phase == .unsubscribing && kept.insert(delivery).inserted)
        }
      case 8:
        let wasSurplus = machine.isSurplus
        let begun = machine.beginUnsubscribing()
        #expect(begun == wasSurplus)
      case 9 where machine.phase != .idle:
        for delivery in machine.unsubscribed() {
          #expect(kept.remove(delivery) != nil && acknowledged.insert(delivery).inserted)
        }
        #expect(kept.isEmpty && machine.phase == .idle)
      default: break
      }
      #expect((0...5).contains(machine.unacknowledged) && machine.postponed.count == kept.count)
      #expect(!machine.isSurplus || !machine.isWanted)
    }
  }
}

/// The same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
