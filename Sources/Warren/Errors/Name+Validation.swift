extension Name {
  /// Throws ``BrokerError/Code/invalid`` unless the name fits AMQP's limit of 255 bytes and, unless `emptyIsFine`, has any.
  func validate(as what: String, emptyIsFine: Bool = false) throws(BrokerError) {
    if rawValue.isEmpty && !emptyIsFine {
      throw BrokerError(.invalid, "the \(what) is empty: give it a name")
    }
    if rawValue.utf8.count > 255 {
      throw BrokerError(
        .invalid, "the \(what) '\(rawValue.prefix(40))…' has \(rawValue.utf8.count) bytes: at most 255 are possible")
    }
  }
}
