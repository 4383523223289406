public import Foundation

/// When a queue is well, and when it is not:
///
/// - a problem: messages are ready and no worker consumes the queue, which is not paused;
/// - a warning: a queue of dead letters has any, or one that may hold some has messages and no consumer;
/// - a warning: a queue is paused;
/// - a warning: workers consume, and yet the oldest message has waited longer than ``patience``.
public struct HealthRule: Sendable, Equatable {
  /// How long a message may wait in a queue that workers consume; 15 minutes by default.
  public var patience: Duration

  /// The rule.
  public init(patience: Duration = .seconds(900)) { self.patience = patience }

  /// What is not well about these queues.
  public func findings(about queues: [QueueStatus], now: Date) -> [Finding] {
    queues.compactMap { finding(about: $0, now: now) }
  }

  private func finding(about queue: QueueStatus, now: Date) -> Finding? {
    func count(_ noun: String) -> String {
      queue.ready == 1 ? "1 \(noun) waits" : "\(queue.ready) \(noun)s wait"
    }
    switch queue.state {
    case .deadLetters where queue.ready > 0:
      return Finding(
        .warning, queue: queue.name, "\(queue.name): \(count("dead letter")) for a person",
        fix: .readDeadLetters(in: queue.name))
    case .mayHoldDeadLetters:
      return Finding(
        .warning, queue: queue.name,
        "\(queue.name): \(count("message")) and no worker consumes the queue; they may be the dead letters of another",
        fix: .readDeadLetters(in: queue.name))
    case .paused:
      return Finding(
        .warning, queue: queue.name, "\(queue.name): paused\(queue.ready > 0 ? "; \(count("message"))" : "")",
        fix: .resume(queue.name))
    case .unattended:
      return Finding(
        .problem, queue: queue.name, "\(queue.name): \(count("message")) and no worker consumes the queue",
        fix: .startWorker(queue.name))
    case .active where queue.ready > 0:
      guard let oldest = queue.oldest else { return nil }
      let age = Duration.seconds(now.timeIntervalSince(oldest))
      guard age > patience else { return nil }
      return Finding(
        .warning, queue: queue.name, "\(queue.name): the oldest message was published \(age.words) ago",
        fix: "raise the concurrency of '\(queue.name)' or start another worker")
    default: return nil
    }
  }
}
