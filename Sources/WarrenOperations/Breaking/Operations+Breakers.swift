public import Warren

extension Operations {
  /// Asks the workers to close their breakers of this dependency now, whatever their next try would say.
  ///
  /// - Returns: how many were asked.
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when none is open.
  @discardableResult public func resetBreaker(_ dependency: DependencyName) async throws(BrokerError) -> Int {
    let breakers = try breakers
    return try await audited("breaker.reset", filter: dependency.rawValue, done: { ($0, nil) }) {
      () throws(BrokerError) in try await breakers.reset(dependency)
    }
  }
}
