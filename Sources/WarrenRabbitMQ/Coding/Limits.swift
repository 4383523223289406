/// Bounds that RabbitMQ sets.
enum Limits {
  /// Milliseconds in a TTL or expiration; more closes the channel.
  static let longestTimer: Int64 = 4_294_967_295
  /// Bytes in a body that is published: the default of RabbitMQ from 4.0 on. More closes the channel and harms what is on it.
  static let largestBody = 16 << 20
  /// Bytes in a body that is read or copied: what older brokers let in.
  static let largestBodyOfCopies = 128 << 20
  /// Bytes in the properties of a copy. A header frame cannot be split and holds 131,064; the broker adds what it notes of
  /// dead-lettering and of deliveries, and sends the larger frame to consumers, most of whom lose their connection by it.
  static let largestPropertiesOfCopies = 131_064 - 8192
}
