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
}
