public import Warren

/// How a topology differs from what the broker has.
public struct TopologyComparison: Sendable, Equatable, Codable {
  /// What is missing or differs.
  public var differences: [TopologyDifference]
  /// What could not be compared, and why; `nil`: everything was.
  public var note: String?
}

extension Operations {
  /// What of a topology is missing or differs. Changes nothing.
  public func compare(_ topology: Topology) async throws(BrokerError) -> TopologyComparison {
    let broker = try inspectable
    let differences = try await broker.differences(from: topology)
    var comparison = TopologyComparison(differences: differences)
    // An engine that cannot tell what is declared cannot tell which bindings there are.
    if !topology.bindings.isEmpty {
      do throws(BrokerError) { _ = try await broker.topology() } catch {
        guard error.code == .unsupported else { throw error }
        comparison.note = "bindings were not compared, since \(error.message)"
      }
    }
    return comparison
  }

  /// What is declared, as a topology: what Warren did not declare is adopted in it.
  public func topology() async throws(BrokerError) -> Topology { try await inspectable.topology() }

  /// Declares what of a topology is missing; nothing that is there is changed or deleted.
  ///
  /// - Returns: what was missing.
  /// - Throws: ``Warren/BrokerError/Code/topologyConflict`` when something is there and differs,
  ///   ``Warren/BrokerError/Code/notFound`` when something adopted is missing. Then nothing was declared.
  public func apply(_ topology: Topology) async throws(BrokerError) -> TopologyComparison {
    let conflicts = try await inspectable.differences(from: topology).filter { !$0.isMissing }
    if let first = conflicts.first {
      let texts = conflicts.map(\.description).joined(separator: "; ")
      throw BrokerError(
        .topologyConflict,
        "nothing was declared, since \(texts). To fix the first: \(first.fix?.text ?? "ask for what is there")")
    }
    let missing = try await compare(topology)
    try await audited("topology.apply", count: missing.differences.count) { () throws(BrokerError) in
      try await broker.apply(topology)
    }
    return missing
  }
}
