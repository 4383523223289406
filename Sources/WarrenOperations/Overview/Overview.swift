public import Foundation
public import Warren

/// A broker on one screen.
public struct Overview: Sendable, Equatable, Codable {
  /// The engine, with its version.
  public var engine: String
  /// How it is.
  public var health: Health
  /// When this was looked up.
  public var time: Date
  /// All queues, by name.
  public var queues: [QueueView]
  /// The workers that are connected.
  public var workers: [WorkerView]
  /// What is not well, the worst first.
  public var findings: [FindingView]

  /// An overview; its health is that of its worst finding.
  public init(engine: String, time: Date, queues: [QueueView], workers: [WorkerView], findings: [FindingView]) {
    self.engine = engine
    self.time = time
    self.queues = queues
    self.workers = workers
    self.findings = findings
    health = findings.map(\.severity).max() ?? .fine
  }
}

extension Operations {
  /// The broker on one screen, with what is not well.
  public func overview(rule: HealthRule = HealthRule()) async throws(BrokerError) -> Overview {
    let queues = try await statuses()
    let workers = try await workers()
    let now = clock.now
    let findings = try await findings(about: queues, rule: rule, now: now).filter { $0.severity != .fine }
    return Overview(
      engine: broker.capabilities.engine, time: now, queues: queues.map(QueueView.init), workers: workers,
      findings: findings)
  }

  /// Everything that was looked at, what is fine included, the worst first.
  public func diagnosis(rule: HealthRule = HealthRule()) async throws(BrokerError) -> [FindingView] {
    try await findings(about: try await statuses(), rule: rule, now: clock.now)
  }

  /// All queues; none where the engine cannot list them now, which is then among its findings.
  private func statuses() async throws(BrokerError) -> [QueueStatus] {
    do { return try await inspectable.queues().sorted { $0.name < $1.name } } catch
      where error.code == .unsupported && broker is any InspectableBroker
    {
      return []
    }
  }

  private func findings(
    about queues: [QueueStatus], rule: HealthRule, now: Date
  ) async throws(BrokerError) -> [FindingView] {
    let engine = try await inspectable.diagnose().map(FindingView.init)
    // An engine may have looked at its queues itself: nothing is said twice.
    let ours = rule.findings(about: queues, now: now).map(FindingView.init).filter { finding in
      guard let queue = finding.queue else { return true }
      return !engine.contains { $0.severity != .fine && $0.queue == queue }
    }
    // Stable: within a severity the order is that of the looking.
    return Health.allCases.reversed().flatMap { health in (engine + ours).filter { $0.severity == health } }
  }
}
