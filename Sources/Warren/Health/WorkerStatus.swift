public import Foundation

/// A process that takes or may take deliveries.
public struct WorkerStatus: Sendable, Hashable, Codable {
  /// What it calls itself: host, process id and program.
  public var name: String
  /// When it came.
  public var since: Date
  /// What it consumes.
  public var queues: [QueueName]
  /// How many deliveries it holds.
  public var running: Int
  /// The deliveries that it holds, those first that it has held longest; at most a hundred. `nil` where the engine cannot tell
  /// which they are.
  public var deliveries: [RunningDelivery]?

  /// A status; engines make them.
  public init(name: String, since: Date, queues: [QueueName], running: Int, deliveries: [RunningDelivery]? = nil) {
    self.name = name
    self.since = since
    self.queues = queues
    self.running = running
    self.deliveries = deliveries
  }

  /// What the engine cannot tell is `null`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(since, forKey: .since)
    try container.encode(queues, forKey: .queues)
    try container.encode(running, forKey: .running)
    try container.encode(deliveries, forKey: .deliveries)
  }
}
