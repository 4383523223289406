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

  /// A status; engines make them.
  public init(name: String, since: Date, queues: [QueueName], running: Int) {
    self.name = name
    self.since = since
    self.queues = queues
    self.running = running
  }
}
