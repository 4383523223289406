public import Foundation
public import Warren

/// A worker as it is shown.
public struct WorkerView: Sendable, Equatable, Codable {
  /// What it calls itself: host, process id and program.
  public var name: String
  /// When it came.
  public var since: Date
  /// What it consumes.
  public var queues: [QueueName]
  /// How many deliveries it holds.
  public var running: Int

  /// A worker as the engine reports it.
  public init(_ status: WorkerStatus) {
    name = status.name
    since = status.since
    queues = status.queues.sorted()
    running = status.running
  }
}

extension Operations {
  /// The workers that are connected, where the engine knows them; those that consume nothing are left out.
  public func workers() async throws(BrokerError) -> [WorkerView] {
    try await inspectable.workers().map(WorkerView.init).filter { !$0.queues.isEmpty || $0.running > 0 }
      .sorted { $0.name < $1.name }
  }
}
