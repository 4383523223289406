import Testing

@testable import AMQP

@Suite("Confirm tracker")
struct ConfirmTrackerTests {
  private func resolve(
    _ tracker: inout ConfirmTracker<Int>, _ number: UInt64, multiple: Bool = false
  ) throws(WireError) -> [Int] {
    var seen: [Int] = []
    try tracker.resolve(number, multiple: multiple) { number, waiter in
      seen.append(waiter)
      #expect(number > 0)
    }
    return seen
  }

  @Test("Confirms come out of order, in ranges and twice; each waiter hears once")
  func order() throws {
    var tracker = ConfirmTracker<Int>()
    for index in 1...6 { #expect(tracker.append(index, bytes: 10) == UInt64(index)) }
    #expect(try resolve(&tracker, 3) == [3])
    #expect(try resolve(&tracker, 3) == [])
    #expect(try resolve(&tracker, 4, multiple: true) == [1, 2, 4])
    #expect(try resolve(&tracker, 2, multiple: true) == [])
    #expect(try resolve(&tracker, 1) == [])
    #expect(tracker.outstanding == 2)
    #expect(tracker.outstandingBytes == 20)
    #expect(try resolve(&tracker, 0, multiple: true) == [5, 6])
    #expect(tracker.outstanding == 0)
    #expect(tracker.next == 7)
  }

  @Test("A number that was never given out is an error")
  func unknown() {
    var tracker = ConfirmTracker<Int>()
    tracker.append(1, bytes: 1)
    #expect(throws: WireError.self) { try resolve(&tracker, 2) }
    #expect(throws: WireError.self) { try resolve(&tracker, .max, multiple: true) }
    #expect(throws: WireError.self) { try resolve(&tracker, 0) }
    #expect(tracker.outstanding == 1)
  }

  @Test("A reset gives up the unsettled in order and starts at 1")
  func reset() throws {
    var tracker = ConfirmTracker<Int>()
    for index in 1...5 { tracker.append(index, bytes: 1) }
    _ = try resolve(&tracker, 2)
    #expect(tracker.reset() == [1, 3, 4, 5])
    #expect(tracker.next == 1)
    #expect(tracker.outstanding == 0)
  }

  @Test("Random confirms agree with a plain dictionary")
  func model() throws {
    var generator = Seeded(state: 7)
    var tracker = ConfirmTracker<Int>()
    var model: [UInt64: Int] = [:]
    for step in 0..<20_000 {
      if Bool.random(using: &generator) || model.isEmpty {
        model[tracker.append(step, bytes: 1)] = step
      } else {
        let number = UInt64.random(in: 1..<tracker.next, using: &generator)
        let multiple = Int.random(in: 0..<20, using: &generator) == 0
        let expected = model.filter { multiple ? $0.key <= number : $0.key == number }
        for key in expected.keys { model[key] = nil }
        let seen = try resolve(&tracker, number, multiple: multiple)
        #expect(Set(seen) == Set(expected.values))
        if let (key, value) = model.randomElement(using: &generator) { #expect(tracker.waiter(of: key) == value) }
      }
      #expect(tracker.outstanding == model.count)
    }
  }

  private final class Box {}
  private struct Weak { weak var box: Box? }

  @Test("What is resolved behind an unresolved publish is released at once")
  func release() throws {
    var tracker = ConfirmTracker<Box>()
    var boxes: [Weak] = []
    for _ in 1...10_000 {
      let box = Box()
      boxes.append(Weak(box: box))
      tracker.append(box, bytes: 1)
    }
    for number in 2...10_000 as ClosedRange<UInt64> { try tracker.resolve(number, multiple: false) { _, _ in } }
    #expect(tracker.outstanding == 1)
    #expect(boxes.count { $0.box != nil } == 1)
    tracker.append(Box(), bytes: 1)
    #expect(tracker.kept < 200)
    withExtendedLifetime(tracker) {}
  }

  @Test("What is given up frees its place, and its late confirm is passed over")
  func givenUp() throws {
    var tracker = ConfirmTracker<Int>()
    for index in 1...300 { tracker.append(index, bytes: 10) }
    for number in 2...250 as ClosedRange<UInt64> { _ = try resolve(&tracker, number) }
    for index in 301...400 { tracker.append(index, bytes: 10) }
    let given = tracker.giveUp { $0 == 1 || $0 == 260 || $0 == 400 }
    #expect(given.map(\.number) == [1, 260, 400])
    #expect(given.map(\.waiter) == [1, 260, 400])
    #expect(tracker.outstanding == 148)
    #expect(tracker.outstandingBytes == 1480)
    for number in [1, 260, 400] as [UInt64] { #expect(try resolve(&tracker, number) == []) }
    #expect(try resolve(&tracker, 0, multiple: true).count == 148)
    #expect(tracker.outstandingBytes == 0)
    #expect(tracker.kept == 0)
  }
}
