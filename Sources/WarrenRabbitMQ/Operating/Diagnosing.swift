internal import AMQP
public import Warren

extension RabbitMQBroker {
  /// What an operator should know or mend.
  public func diagnose() async throws(BrokerError) -> [Finding] {
    let session = try await session()
    var findings = [
      session.server.isSupported
        ? Finding(.fine, "connected to \(session.server.name)")
        : Finding(
          .warning, "\(session.server.name) is older than 3.10, the oldest that Warren is tested with",
          mend: "upgrade RabbitMQ")
    ]
    if case .blocked(reason: let reason) = session.publishing.state {
      findings.append(
        Finding(
          .problem, "RabbitMQ takes no messages: \(reason)", mend: "give the broker memory or disk, or empty its queues"
        ))
    }
    findings += try await findingsOnTopology(session)
    findings += await findingsOfManagement()
    return findings
  }

  private func findingsOnTopology(_ session: Session) async throws(BrokerError) -> [Finding] {
    var findings: [Finding] = []
    let known = registry.queues
    let holders = Set(known.values.compactMap { $0.deadLetter == nil ? $0.name : $0.deadLetter?.queue })
    for queue in known.keys.sorted() {
      guard let info = try await session.info(queue) else {
        findings.append(
          Finding(.problem, "the queue '\(queue)' is missing", mend: "apply the topology that declares it"))
        continue
      }
      if holders.contains(queue), info.messageCount > 0 {
        findings.append(
          Finding(
            .warning, "\(info.messageCount) dead letters lie in '\(queue)'",
            mend: "look at them, then replay or delete them"))
      }
    }
    return findings
  }

  private func findingsOfManagement() async -> [Finding] {
    guard let alarms = await management.alarms(), let queues = await management.queues() else {
      return [
        Finding(
          .warning,
          "the management API does not answer, so alarms, other processes and queues that this process did not declare "
            + "are not seen",
          mend: "enable the plugin rabbitmq_management, or say where it is with RabbitMQConfiguration.management")
      ]
    }
    var findings = alarms.map { Finding(.problem, "the node \($0.node) \($0.text)", mend: "mend the node") }
    let weak = queues.filter {
      $0.isDurable && !$0.isExclusive && $0.type == "classic" && !SystemNames.isInternal($0.name)
    }
    if !weak.isEmpty {
      findings.append(
        Finding(
          .warning,
          "\(weak.count) durable queues are classic, such as '\(weak[0].name)': each lives on one node and goes with it",
          mend: "move their work to quorum queues, which Warren declares"))
    }
    return findings
  }
}
