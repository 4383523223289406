import NIOCore
import Testing

@testable import AMQP

@Suite("Confirm sample")
struct ConfirmSampleTests {
  private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

  @Test("One publish at a time is timed, by its own confirm or one that covers it")
  func timing() {
    var sample = ConfirmSample()
    sample.wrote(5, generation: 0, now: at(10))
    sample.wrote(9, generation: 0, now: at(20))
    #expect(sample.confirmed(4, multiple: false, generation: 0, now: at(30)) == nil)
    #expect(sample.confirmed(9, multiple: false, generation: 0, now: at(30)) == nil)
    #expect(sample.confirmed(5, multiple: false, generation: 0, now: at(40)) == .milliseconds(30))
    #expect(sample.confirmed(5, multiple: false, generation: 0, now: at(50)) == nil)
    sample.wrote(12, generation: 0, now: at(60))
    #expect(sample.confirmed(20, multiple: true, generation: 0, now: at(65)) == .milliseconds(5))
    sample.wrote(21, generation: 0, now: at(70))
    #expect(sample.confirmed(0, multiple: true, generation: 0, now: at(71)) == .milliseconds(1))
  }

  @Test("A confirm that never comes does not end the timing of others, nor does a generation that is over")
  func missing() {
    var sample = ConfirmSample()
    sample.wrote(1, generation: 0, now: at(0))
    sample.wrote(2, generation: 0, now: at(61_000))
    #expect(sample.confirmed(2, multiple: false, generation: 0, now: at(61_003)) == .milliseconds(3))
    sample.wrote(3, generation: 0, now: at(62_000))
    #expect(sample.confirmed(3, multiple: false, generation: 1, now: at(62_001)) == nil)
    sample.wrote(4, generation: 1, now: at(63_000))
    sample.wrote(1, generation: 2, now: at(64_000))
    #expect(sample.confirmed(1, multiple: false, generation: 2, now: at(64_002)) == .milliseconds(2))
  }
}
