/// Checks of arguments at the edge of the library, so that nothing half-encoded ever reaches the wire.
enum Limit {
  /// The longest short string, in bytes.
  static let shortString = 255

  /// Throws unless `string` fits a short string.
  static func check(_ string: String, _ what: String) throws(AMQPError) {
    let count = string.utf8.count
    guard count <= shortString else {
      throw AMQPError(
        .invalidArgument, "The \(what) has \(count) bytes; AMQP allows \(shortString). Shorten it: nothing was sent.")
    }
  }
}
