public import Warren

extension Operations {
  /// Whether there is a store in which schedules are kept.
  public var keepsSchedules: Bool { store != nil }

  /// Leaves out a schedule's ticks until ``resumeSchedule(_:)``.
  public func pauseSchedule(_ name: String) async throws(BrokerError) -> ScheduleStatus {
    let schedules = try schedules
    return try await audited("schedule.pause", filter: name) { () throws(BrokerError) in
      try await schedules.pause(name)
    }
  }

  /// Undoes ``pauseSchedule(_:)``. The ticks since then are left out.
  public func resumeSchedule(_ name: String) async throws(BrokerError) -> ScheduleStatus {
    let schedules = try schedules
    return try await audited("schedule.resume", filter: name) { () throws(BrokerError) in
      try await schedules.resume(name)
    }
  }

  /// Asks the scheduler to enqueue the job once now, beside its ticks. Returns the id of that job.
  public func runSchedule(_ name: String) async throws(BrokerError) -> MessageID {
    let schedules = try schedules
    return try await audited("schedule.run", filter: name, done: { (1, "the job is \($0)") }) {
      () throws(BrokerError) in try await schedules.run(name)
    }
  }
}
