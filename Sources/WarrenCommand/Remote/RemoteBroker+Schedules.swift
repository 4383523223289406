internal import Warren

extension RemoteBroker {
  /// Pauses or resumes a schedule, and tells how it is then.
  func changed(_ name: String, by action: String) async throws(BrokerError) -> ScheduleStatus {
    try await schedule(name, action)
    if let status = try await schedules().first(where: { $0.name == name }) { return status }
    throw BrokerError(.notFound, "there is no schedule '\(name)'")
  }
}
