import Testing

@testable import AMQP

/// Each transition of a consumer, without a socket.
@Suite("Consumer machine")
struct ConsumerMachineTests {
  struct Item: ConsumerElement, Equatable {
    let number: Int
    var bufferedBytes = 10
    var streamOffset: Int64?
  }
  typealias Machine = ConsumerMachine<Item, String>

  private func machine(
    acknowledges: Bool = true, pauseAt: (Int, Int) = (4, 1000), endAt: Int = 10_000, isActive: Bool = true
  ) -> Machine {
    var machine = Machine(acknowledges: acknowledges, limits: .init(pauseAt: pauseAt, endAt: endAt))
    if isActive {
      #expect(machine.subscribe() == true)
      machine.subscribed()
    }
    return machine
  }

  private func deliver(_ numbers: [Int], to machine: inout Machine) -> Machine.Arrival {
    var batch = numbers.map { Item(number: $0) }
    defer { #expect(batch.isEmpty) }
    return machine.deliver(&batch)
  }

  private func next(_ machine: inout Machine) -> Int? {
    if case .element(let item, _) = machine.next() { item.number } else { nil }
  }

  private func isEnd(_ next: Machine.Next, _ code: AMQPError.Code? = nil) -> Bool {
    guard case .end(let result) = next else { return false }
    switch result {
    case .success: return code == nil
    case .failure(let error): return error.code == code
    }
  }

  private let refused = AMQPError(.channelClosedByServer, "refused")

  @Test("It subscribes once, and again after each loss")
  func subscribing() {
    var machine = machine(isActive: false)
    #expect(machine.subscribe() == true)
    #expect(machine.subscribe() == false)
    machine.subscribed()
    #expect(machine.subscribe() == false)
    _ = machine.lost()
    #expect(machine.subscribe() == true)
  }

  @Test("Deliveries are handed out in order, one by one or all together, and wake the task that waits")
  func order() {
    var machine = machine()
    guard case .nothing(let id) = machine.next() else { return fail("something is there") }
    #expect(machine.wait(id, "reader") == .suspended)
    guard case .buffered("reader", false) = deliver([1, 2], to: &machine) else { return fail("no reader wakes") }
    #expect(next(&machine) == 1)
    _ = deliver([3], to: &machine)
    guard case .elements(let batch, false) = machine.nextBatch() else { return fail("no batch") }
    #expect(batch.map(\.number) == [2, 3])
    guard case .nothing = machine.nextBatch() else { return fail("more than there was") }
  }

  @Test("A cancelled wait leaves the sequence as it was; only the task that waits is woken by its own cancellation")
  func cancelledWait() {
    var machine = machine()
    guard case .nothing(let first) = machine.next() else { return fail("something is there") }
    #expect(machine.wait(first, "first") == .suspended)
    guard case .nothing(let second) = machine.next() else { return fail("something is there") }
    #expect(machine.wait(second, "second") == .busy)
    var woken = machine.stopWaiting(second)
    #expect(woken == nil)
    woken = machine.stopWaiting(first)
    #expect(woken == "first")
    woken = machine.stopWaiting(first)
    #expect(woken == nil)
    #expect(machine.wait(second, "second") == .suspended)
    guard case .buffered("second", false) = deliver([1], to: &machine) else { return fail("no reader wakes") }
    #expect(machine.wait(7, "late") == .goOn)
    #expect(next(&machine) == 1)
  }

  @Test("cancel() hands out nothing more and gives all that was not handed out back once the broker agreed")
  func cancel() {
    var machine = machine()
    _ = deliver([1, 2], to: &machine)
    #expect(next(&machine) == 1)
    guard case .send(waits: true, let ending) = machine.cancel() else { return fail("nothing to send") }
    #expect(ending.givesBack.isEmpty)
    #expect(isEnd(machine.next()))
    _ = deliver([3], to: &machine)
    #expect(machine.agreed().givesBack.map(\.number) == [2, 3])
    #expect(isEnd(machine.next()))
    guard case .isOver = machine.cancel() else { return fail("ended twice") }
    guard case .giveBack(let late) = deliver([4], to: &machine) else { return fail("kept") }
    #expect(late.map(\.number) == [4])
  }

  @Test("cancel() without an answer gives back what is here, and what comes later as it comes")
  func cancelUnanswered() {
    var machine = machine()
    _ = deliver([1], to: &machine)
    _ = machine.cancel()
    #expect(machine.unanswered().givesBack.map(\.number) == [1])
    guard case .giveBack(let late) = deliver([2], to: &machine) else { return fail("kept") }
    #expect(late.map(\.number) == [2])
    #expect(machine.agreed().givesBack.isEmpty)
    #expect(isEnd(machine.next()))
  }

  @Test("stop() hands out what comes until the broker agrees, then ends")
  func stop() {
    var machine = machine()
    _ = deliver([1], to: &machine)
    guard case .send(waits: true, _) = machine.stop() else { return fail("nothing to send") }
    _ = deliver([2], to: &machine)
    #expect(next(&machine) == 1)
    #expect(machine.agreed().givesBack.isEmpty)
    #expect(next(&machine) == 2)
    #expect(isEnd(machine.next()))
  }

  @Test("stop() without an answer ends all the same; cancel() during it gives back")
  func stopUnanswered() {
    var one = machine()
    _ = deliver([1], to: &one)
    _ = one.stop()
    #expect(one.unanswered().givesBack.isEmpty)
    guard case .giveBack = deliver([2], to: &one) else { return fail("kept") }
    #expect(next(&one) == 1)
    #expect(isEnd(one.next()))

    var other = machine()
    _ = deliver([1], to: &other)
    _ = other.stop()
    guard case .atOnce = other.cancel() else { return fail("cancelled twice at the broker") }
    #expect(isEnd(other.next()))
    #expect(other.agreed().givesBack.map(\.number) == [1])
  }

  @Test("A start that is given up is cancelled at the broker, and not waited for")
  func givenUpStart() {
    var machine = machine(isActive: false)
    #expect(machine.subscribe() == true)
    guard case .send(waits: false, _) = machine.cancel() else { return fail("not told") }
    machine.subscribed()
    guard case .giveBack = deliver([1], to: &machine) else { return fail("kept") }
    _ = machine.agreed()
    #expect(isEnd(machine.next()))
    var unknown = self.machine(isActive: false)
    guard case .atOnce = unknown.cancel() else { return fail("the broker does not know it") }
    #expect(isEnd(unknown.next()))
  }

  @Test("A loss drops what the broker sends again, and ends those that were to end", arguments: [true, false])
  func lost(acknowledges: Bool) {
    var machine = machine(acknowledges: acknowledges)
    _ = deliver([1, 2], to: &machine)
    #expect(machine.lost().givesBack.isEmpty)
    #expect(machine.buffered == (acknowledges ? 0 : 2))
    #expect(machine.subscribe() == true)

    var stopping = self.machine(acknowledges: acknowledges)
    _ = deliver([1], to: &stopping)
    _ = stopping.stop()
    _ = stopping.lost()
    #expect(next(&stopping) == (acknowledges ? nil : 1))
    #expect(isEnd(stopping.next()))
    #expect(stopping.subscribe() == false)
  }

  @Test("The broker's end comes behind what is buffered; the channel's end drops what is unsettled")
  func ends() {
    var cancelled = machine()
    _ = deliver([1], to: &cancelled)
    _ = cancelled.end(.failure(refused), keepsBuffer: true)
    #expect(next(&cancelled) == 1)
    #expect(isEnd(cancelled.next(), .channelClosedByServer))
    // The first end counts.
    _ = cancelled.end(.success(()), keepsBuffer: true)
    #expect(isEnd(cancelled.next(), .channelClosedByServer))

    var closed = machine()
    _ = deliver([1], to: &closed)
    _ = closed.end(.failure(refused), keepsBuffer: false)
    #expect(isEnd(closed.next(), .channelClosedByServer))
  }

  @Test("What is left when the broker has ended the consumer goes back with cancel()")
  func cancelAfterEnd() {
    var machine = machine()
    _ = deliver([1, 2], to: &machine)
    _ = machine.end(.failure(refused), keepsBuffer: true)
    #expect(next(&machine) == 1)
    guard case .atOnce(let ending) = machine.cancel() else { return fail("forgotten") }
    #expect(ending.givesBack.map(\.number) == [2])
    #expect(isEnd(machine.next()))
  }

  @Test("Reading stops beyond the mark, in number or in bytes, and goes on at half of it", arguments: [true, false])
  func holds(inBytes: Bool) {
    var machine = machine(acknowledges: false, pauseAt: inBytes ? (100, 40) : (4, 1000))
    guard case .buffered(nil, startsHold: false) = deliver([1, 2, 3, 4], to: &machine) else { return fail("early") }
    guard case .buffered(nil, startsHold: true) = deliver([5], to: &machine) else { return fail("late") }
    guard case .buffered(nil, startsHold: false) = deliver([6], to: &machine) else { return fail("twice") }
    for expected in 1...3 {
      guard case .element(let item, endsHold: false) = machine.next() else { return fail("early") }
      #expect(item.number == expected)
    }
    guard case .element(_, endsHold: true) = machine.next() else { return fail("late") }
    #expect(!machine.isHolding)
  }

  @Test("Whatever ends a consumer ends its hold, and drops what needs no acknowledgement only where it is cancelled")
  func holdsEnd() {
    func held() -> Machine {
      var machine = machine(acknowledges: false)
      _ = deliver([1, 2, 3, 4, 5], to: &machine)
      #expect(machine.isHolding)
      return machine
    }
    var cancelled = held()
    _ = cancelled.cancel()
    #expect(!cancelled.isHolding)
    #expect(cancelled.buffered == 0)
    _ = deliver([6, 7, 8, 9, 10, 11], to: &cancelled)
    #expect(cancelled.buffered == 0)
    var lost = held()
    _ = lost.lost()
    #expect(!lost.isHolding)
    var ended = held()
    _ = ended.end(.success(()), keepsBuffer: false)
    #expect(!ended.isHolding)
    #expect(ended.buffered == 5)
    var batch = held()
    guard case .elements(_, endsHold: true) = batch.nextBatch() else { return fail("held for ever") }
  }

  @Test("A consumer that does not keep up ends with an error behind what is buffered; one large message is no reason")
  func overflow() {
    var machine = machine(acknowledges: false, endAt: 45)
    _ = deliver([1, 2, 3, 4], to: &machine)
    guard case .overflow(nil, let dropped) = deliver([5, 6], to: &machine) else { return fail("unbounded") }
    #expect(dropped.map(\.number) == [5, 6])
    for expected in 1...4 { #expect(next(&machine) == expected) }
    #expect(isEnd(machine.next(), .consumerCancelled))
    #expect(!machine.isHolding)
    var large = self.machine(acknowledges: false, endAt: 5)
    guard case .buffered = deliver([1], to: &large) else { return fail("refused") }
  }

  @Test("A stream goes on behind what was handed out")
  func streams() {
    var machine = machine()
    var batch = (20...24).map { Item(number: $0, streamOffset: Int64($0)) }
    _ = machine.deliver(&batch)
    #expect(machine.resumeOffset == nil)
    #expect(next(&machine) == 20)
    _ = machine.lost()
    #expect(machine.resumeOffset == 21)
    #expect(machine.subscribe() == true)
    machine.subscribed()
    batch = [Item(number: 21, streamOffset: 21)]
    _ = machine.deliver(&batch)
    #expect(next(&machine) == 21)
    _ = machine.lost()
    #expect(machine.resumeOffset == 22)
  }

  @Test("Random events: nothing is handed out twice or lost, each reader is woken once, holds end", arguments: 1...20)
  func random(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let acknowledges = Bool.random(using: &generator)
    var machine = machine(acknowledges: acknowledges, pauseAt: (8, 100), endAt: 400, isActive: false)
    var delivered = 0
    var seen: Set<Int> = []
    var lastSeen = 0
    var waiting: (id: UInt64, name: String)?
    var isSubscribed = false
    func take(_ items: [Item]) {
      for item in items { #expect(seen.insert(item.number).inserted, "twice: \(item.number)") }
    }
    func handOut(_ items: [Item]) {
      take(items)
      for item in items {
        #expect(item.number > lastSeen)
        lastSeen = item.number
      }
    }
    func wake(_ reader: String?) {
      guard let reader else { return }
      #expect(reader == waiting?.name)
      waiting = nil
    }
    func run(_ ending: Machine.Ending) {
      wake(ending.wakes)
      take(ending.givesBack)
    }
    func leave(_ leaving: Machine.Leaving) {
      switch leaving {
      case .atOnce(let ending), .send(_, let ending): run(ending)
      case .isOver: break
      }
    }
    for step in 0..<5000 {
      switch Int.random(in: 0..<40, using: &generator) {
      case 0..<8: if machine.subscribe() { isSubscribed = true }
      case 8..<10: machine.subscribed()
      case 10..<20 where isSubscribed:
        var batch = (0..<Int.random(in: 1...4, using: &generator)).map { Item(number: delivered + $0 + 1) }
        delivered += batch.count
        switch machine.deliver(&batch) {
        case .buffered(let reader, _): wake(reader)
        case .giveBack(let items): take(items)
        case .overflow(let reader, let dropped):
          wake(reader)
          take(dropped)
        }
      case 20..<30 where waiting == nil:
        switch machine.next() {
        case .element(let item, _): handOut([item])
        case .end: break
        case .nothing(let id): if machine.wait(id, "\(step)") == .suspended { waiting = (id, "\(step)") }
        }
      case 30 where waiting == nil: if case .elements(let items, _) = machine.nextBatch() { handOut(items) }
      case 31: if let waiting { wake(machine.stopWaiting(waiting.id)) }
      case 32: leave(machine.stop())
      case 33: leave(machine.cancel())
      case 34: run(machine.agreed())
      case 35: run(machine.unanswered())
      case 36:
        run(machine.lost())
        isSubscribed = false
      case 37: run(machine.end(.failure(refused), keepsBuffer: Bool.random(using: &generator)))
      default: break
      }
      switch machine.state {
      case .ended, .leaving, .cancelling:
        #expect(waiting == nil, "waits for ever")
        #expect(!machine.isHolding)
      case .waiting: #expect(!machine.isHolding || !acknowledges)
      default: break
      }
      if machine.buffered > 0 { #expect(waiting == nil) }
      if case .ended = machine.state {
        while case .element(let item, _) = machine.next() { handOut([item]) }
        #expect(machine.buffered == 0)
        machine = self.machine(acknowledges: acknowledges, pauseAt: (8, 100), endAt: 400, isActive: false)
        isSubscribed = false
      }
    }
  }

  @Test("A stream that is lost again before it brought anything goes on where it would have the first time")
  func streamLostTwice() {
    var machine = machine()
    var batch = (1...5).map { Item(number: $0, streamOffset: Int64($0) + 10) }
    _ = machine.deliver(&batch)
    #expect(next(&machine) == 1)
    _ = machine.lost()
    #expect(machine.resumeOffset == 12)
    _ = machine.subscribe()
    _ = machine.lost()
    #expect(machine.resumeOffset == 12)
  }
}

/// Random numbers that a seed repeats.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Records that something is not as it should be, where the test cannot go on.
func fail(_ text: Comment, at place: SourceLocation = #_sourceLocation) { Issue.record(text, sourceLocation: place) }
