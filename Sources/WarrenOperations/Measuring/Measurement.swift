internal import Foundation
internal import Warren

/// What passes through a broker while it is measured.
public struct MeasurementPlan: Sendable, Equatable {
  /// How many messages go through as fast as they can.
  public var messages: Int
  /// How large each body is, in bytes; 8 or more.
  public var size: Int
  /// How many are published with one call.
  public var batch: Int
  /// How many tasks publish, and how many handle, at the same time.
  public var concurrency: Int
  /// How many messages the time from publishing to handling is measured with, each alone.
  public var samples: Int
  /// When it is given up.
  public var deadline: Duration

  /// A plan.
  public init(
    messages: Int = 10_000, size: Int = 256, batch: Int = 50, concurrency: Int = 8, samples: Int = 200,
    deadline: Duration = .seconds(60)
  ) {
    self.messages = messages
    self.size = size
    self.batch = batch
    self.concurrency = concurrency
    self.samples = samples
    self.deadline = deadline
  }
}

/// How quick a broker is from this process, and whether it delivered each message exactly once.
public struct Measurement: Sendable, Equatable, Codable {
  /// The engine, with its version.
  public var engine: String
  /// How many messages were stored.
  public var published: Int
  /// How many of them were handled, each counted once.
  public var handled: Int
  /// How many came more than once.
  public var repeated: Int
  /// How many were stored and did not come.
  public var lost: Int
  /// How many were stored a second, each durable before the call returned.
  public var publishedPerSecond: Double
  /// How many were handled a second, from the first that was published to the last that was settled.
  public var handledPerSecond: Double
  /// The time from publishing one message to its handler, in milliseconds, with nothing else under way.
  public var latency: Latency

  /// How times are spread.
  public struct Latency: Sendable, Equatable, Codable {
    /// Half of them are not above this.
    public var median: Double
    /// 99 of 100 are not above this.
    public var p99: Double
    /// The longest.
    public var longest: Double

    /// Of these times; 0 of none.
    init(of times: [Double]) {
      let times = times.sorted()
      func at(_ part: Double) -> Double { times.isEmpty ? 0 : times[Int((Double(times.count - 1) * part).rounded())] }
      (median, p99, longest) = (at(0.5), at(0.99), at(1))
    }
  }

  /// Whether each message came exactly once.
  public var isExact: Bool { lost == 0 && repeated == 0 }
}
