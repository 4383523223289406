import BrokerConformance
import Testing

/// Looks again and again until what is seen holds: for what the broker tells late.
func until<Value>(
  sourceLocation: SourceLocation = #_sourceLocation, _ look: () async throws -> Value, holds: (Value) -> Bool
) async throws -> Value {
  let end = ContinuousClock.now + patience
  while true {
    let value = try await look()
    if holds(value) || ContinuousClock.now > end {
      #expect(holds(value), "\(value)", sourceLocation: sourceLocation)
      return value
    }
    try await Task.sleep(for: .milliseconds(100))
  }
}
