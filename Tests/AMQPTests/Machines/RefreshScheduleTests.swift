import Testing

@testable import AMQP

@Suite("Refresh schedule")
struct RefreshScheduleTests {
  @Test("Credentials are asked for again three quarters of the way to their end, and not at all if they have none")
  func due() {
    var schedule = RefreshSchedule(validFor: .seconds(400))
    #expect(schedule.pause == .seconds(300))
    #expect(schedule.trouble == nil)
    schedule.answered(validFor: nil)
    #expect(schedule.pause == nil)
    #expect(RefreshSchedule(validFor: .seconds(Int64.max)).pause.map { $0 > .seconds(1 << 60) } == true)
  }

  @Test("No provider is asked more than once a second", arguments: [1, 20, 500, 1300])
  func short(_ milliseconds: Int) {
    let schedule = RefreshSchedule(validFor: .milliseconds(milliseconds))
    #expect(schedule.pause == .seconds(1))
    #expect(schedule.trouble == .tooShort)
    #expect(RefreshSchedule(validFor: .milliseconds(1400)).trouble == nil)
  }

  @Test("What has expired when it is given is asked for again like what was not given", arguments: [0, -1, -100_000])
  func expired(_ seconds: Int) {
    var schedule = RefreshSchedule(validFor: .seconds(seconds))
    #expect(schedule.trouble == .expired)
    var pauses = [schedule.pause]
    for step in 1...5 {
      if step.isMultiple(of: 2) { schedule.answered(validFor: .seconds(seconds)) } else { schedule.failed() }
      #expect(schedule.trouble == (step.isMultiple(of: 2) ? .expired : .failed))
      pauses.append(schedule.pause)
    }
    #expect(pauses == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
    schedule.answered(validFor: .seconds(60))
    #expect(schedule.pause == .seconds(45) && schedule.trouble == nil)
    schedule.failed()
    #expect(schedule.pause == .seconds(1))
  }
}
