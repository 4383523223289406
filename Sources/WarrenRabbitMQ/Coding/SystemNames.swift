internal import Warren

/// The names of what Warren itself keeps on a broker.
enum SystemNames {
  /// Where pausing and resuming are announced to all processes.
  static let control = "warren.control"
  static func suspects(of queue: QueueName) -> String { beside(suspectPrefix, queue) }
  static func pauseMarker(of queue: QueueName) -> String { beside("warren.paused.", queue) }
  static func lock(_ name: LockName) -> String { beside(lockPrefix, QueueName(name.rawValue)) }
  /// Where what leaves a delay bucket goes on to its queue. `queue` may be that of suspects.
  static func relay(of queue: String) -> String { beside(relayPrefix, QueueName(queue)) }
  static func bucket(_ bucket: DelayBucket) -> String {
    bucketPrefix + (bucket.isForHighPriority ? "high." : "") + "\(bucket.milliseconds)"
  }
  static let bucketPrefix = "warren.delay."
  static let relayPrefix = "warren.relay."
  static let suspectPrefix = "warren.suspect."
  static let lockPrefix = "warren.lock."
  /// Queues of ours that no operator asked for.
  static func isInternal(_ name: String) -> Bool { name.hasPrefix("warren.") }

  /// AMQP allows 255 bytes: a queue's long name is cut and told apart by a hash.
  private static func beside(_ prefix: String, _ queue: QueueName) -> String {
    let name = prefix + queue.rawValue
    if name.utf8.count <= 255 { return name }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in queue.rawValue.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var short = name
    while short.utf8.count > 255 - 17 { short.removeLast() }
    return short + "~" + String(hash, radix: 16)
  }
}

/// One of the delay buckets.
struct DelayBucket: Sendable, Hashable {
  var milliseconds: Int
  /// Whether it takes the messages of high priority, on brokers where those would hold the others back.
  var isForHighPriority = false
}
