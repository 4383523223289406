extension Message {
  /// Throws ``BrokerError/Code/invalid`` when a header has a name that is Warren's own.
  package func refuseReservedHeaders() throws(BrokerError) {
    guard let header = headers.keys.filter({ $0.hasPrefix("warren-") }).min() else { return }
    throw BrokerError(
      .invalid,
      "the header '\(header)' of '\(name ?? "")' has a name that is Warren's own: use one that does not begin with warren-"
    )
  }
}
