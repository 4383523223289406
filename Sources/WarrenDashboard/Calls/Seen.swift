internal import Warren
internal import WarrenOperations

/// What the visitor may see of what the broker tells about all queues.
extension Call {
  /// The broker on one screen.
  func overview() async throws -> Overview {
    var overview = try await desk.sampler.overview()
    overview.queues?.removeAll { !may(.see, $0.name) }
    overview.workers = overview.workers.map(seen)
    overview.findings = seen(overview.findings)
    return overview
  }

  func workers() async throws -> [WorkerStatus] { seen(try await operations.workers()) }

  func topology() async throws -> Topology {
    let all = try await operations.topology()
    return Topology(
      asDeclared: all.exchanges, all.queues.filter { may(.see, $0.name) }, all.bindings.filter { may(.see, $0.queue) },
      others: visitor.isLimited ? [] : all.others)
  }

  /// The newest entries of the audit log.
  func audit(limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await operations.newestAudit(limit: limit).filter { may(.see, $0.queue) }
  }

  /// Everything that was looked at.
  func diagnosis() async throws -> [Finding] { seen(try await operations.diagnosis()) }

  private func seen(_ findings: [Finding]) -> [Finding] { findings.filter { may(.see, $0.queue) } }

  private func seen(_ workers: [WorkerStatus]) -> [WorkerStatus] {
    workers.map { worker in
      var worker = worker
      worker.queues.removeAll { !may(.see, $0) }
      worker.deliveries?.removeAll { !may(.see, $0.queue) }
      return worker
    }
  }
}
