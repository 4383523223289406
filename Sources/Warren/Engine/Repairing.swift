/// An engine that can repair what it stores in.
public protocol RepairableBroker: Broker {
  /// Makes true again what the store says, such as counts that are off and rows about messages that are not there. It
  /// deletes no message, and what is in order stays as it is.
  ///
  /// - Returns: what was repaired.
  func repair() async throws(BrokerError) -> [Finding]
}
