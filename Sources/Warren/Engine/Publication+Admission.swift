extension [Publication] {
  /// For engines: sends those that pass a check, together, and puts the errors of the others into their places.
  package func send(
    checking check: (Publication) async throws(BrokerError) -> Void,
    _ send: ([Publication]) async throws(BrokerError) -> [PublishResult]
  ) async throws(BrokerError) -> [PublishResult] {
    var refused: [Int: BrokerError] = [:]
    for (index, publication) in enumerated() {
      do throws(BrokerError) { try await check(publication) } catch { refused[index] = error }
    }
    if refused.isEmpty { return isEmpty ? [] : try await send(self) }
    let admitted = indices.filter { refused[$0] == nil }
    var results = admitted.isEmpty ? [] : try await send(admitted.map { self[$0] })
    results.reverse()
    return indices.map { index in
      if let error = refused[index] { return .failed(error) }
      return results.removeLast()
    }
  }
}
