import Testing

@testable import AMQP

@Suite("Read gate")
struct ReadGateTests {
  @Test("Reading stops while any consumer holds it and goes on when the last one lets go")
  func holders() {
    var gate = ReadGate<Int>()
    #expect(gate.update(isAwaited: false) == nil)
    gate.hold(1)
    gate.hold(2)
    #expect(gate.update(isAwaited: false) == false)
    gate.release(1)
    gate.release(1)
    #expect(gate.update(isAwaited: false) == nil)
    gate.release(2)
    #expect(gate.update(isAwaited: false) == true)
    #expect(!gate.isHeld)
  }

  @Test("An answer that is awaited is read in spite of holders")
  func awaited() {
    var gate = ReadGate<Int>()
    gate.hold(1)
    #expect(gate.update(isAwaited: true) == nil)
    #expect(gate.update(isAwaited: false) == false)
    #expect(gate.update(isAwaited: true) == true)
    #expect(gate.update(isAwaited: false) == false)
  }

  @Test("From time to time some bytes are read all the same, so that a dead broker is noticed")
  func moments() {
    var gate = ReadGate<Int>()
    gate.letThrough()
    gate.hold(1)
    #expect(gate.update(isAwaited: false) == false)
    gate.letThrough()
    #expect(gate.update(isAwaited: false) == true)
    gate.received(ReadGate<Int>.allowance - 1)
    #expect(gate.update(isAwaited: false) == nil)
    gate.received(2)
    #expect(gate.update(isAwaited: false) == false)
    gate.letThrough()
    gate.release(1)
    _ = gate.update(isAwaited: false)
    gate.hold(2)
    #expect(gate.update(isAwaited: false) == false)
  }
}
