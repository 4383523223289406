public import Foundation

/// What a queue, or all of them together, did until a moment, and what was in it then. What is not known is `nil`, which is not 0.
public struct QueueSample: Sendable, Hashable, Codable {
  /// When it was taken.
  public var time: Date
  /// Messages that came in, per second since the sample before.
  public var published: Double?
  /// Messages that were done with, per second.
  public var completed: Double?
  /// Attempts that failed and messages that gave up, per second.
  public var failed: Double?
  /// Messages that waited for a worker or were with one.
  public var depth: Int?
  /// For how many seconds the oldest message waited; 0 when none did.
  public var oldest: Double?

  /// A sample.
  public init(
    time: Date, published: Double? = nil, completed: Double? = nil, failed: Double? = nil, depth: Int? = nil,
    oldest: Double? = nil
  ) {
    self.time = time
    self.published = published
    self.completed = completed
    self.failed = failed
    self.depth = depth
    self.oldest = oldest
  }
}

/// How many samples of one kind are kept, and how far they are apart: each takes the place of the one a day before.
public struct SampleRing: Sendable, Hashable {
  /// How far they are apart.
  public let interval: Duration
  /// How many there are.
  public let count: Int

  /// Of all queues together: one a minute.
  public static let all = SampleRing(interval: .seconds(60), count: 1_440)
  /// Of one queue: one every five minutes.
  public static let queue = SampleRing(interval: .seconds(300), count: 288)

  /// Over how long a time they go.
  public var length: Duration { interval * count }

  /// The place of a sample of this time.
  public func slot(of time: Date) -> Int {
    let number = Int64((time.clamped.timeIntervalSince1970 / (interval / .seconds(1))).rounded(.down))
    return Int(((number % Int64(count)) + Int64(count)) % Int64(count))
  }

  /// The next time at which one is due.
  public func next(after time: Date) -> Date {
    let seconds = interval / .seconds(1)
    return Date(timeIntervalSince1970: ((time.clamped.timeIntervalSince1970 / seconds).rounded(.down) + 1) * seconds)
  }
}

/// Where samples of queues are kept for a day, so that pages can draw lines. An engine that can is one.
///
/// What it keeps does not grow: ``SampleRing`` says how many samples there are of each queue.
public protocol SampleStore: Sendable {
  /// Keeps samples, each in the place of the one a day before.
  ///
  /// - Parameters:
  ///   - all: of all queues together; `nil`: none now.
  ///   - queues: of single queues.
  func keep(_ all: QueueSample?, _ queues: [QueueName: QueueSample]) async throws(BrokerError)

  /// The samples of a queue, or of all queues together, of the last day, the oldest first.
  func samples(of queue: QueueName?) async throws(BrokerError) -> [QueueSample]

  /// Runs `body` while no other process takes samples for this store.
  func whileSampling(_ body: @escaping @Sendable () async throws -> Void) async throws
}
