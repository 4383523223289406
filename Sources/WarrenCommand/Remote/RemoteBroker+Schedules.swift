internal import Warren

extension RemoteBroker {
  /// Asks for a run of a schedule now, and tells which job that is.
  func runSchedule(_ name: String) async throws(BrokerError) -> MessageID {
    if let job = try await schedule(name, "run").job { return job }
    throw BrokerError(
      .invalid, "the dashboard asked for the run, but does not tell its job: it is older than this command")
  }

  /// Pauses or resumes a schedule, and tells how it is then.
  func changed(_ name: String, by action: String) async throws(BrokerError) -> ScheduleStatus {
    try await schedule(name, action)
    if let status = try await schedules().first(where: { $0.name == name }) { return status }
    throw BrokerError(.notFound, "there is no schedule '\(name)'")
  }
}
