public import Foundation
public import Warren

/// How a broker is, in a word: that of its worst finding.
public enum Health: String, Sendable, Codable, Comparable, CaseIterable {
  /// As it should be.
  case fine
  /// Works, but will hurt.
  case warning
  /// Something does not work.
  case problem

  /// The better is the lesser.
  public static func < (a: Health, b: Health) -> Bool { a.rank < b.rank }
  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// The health that a finding stands for.
  public init(_ severity: Finding.Severity) {
    self =
      switch severity {
      case .fine: .fine
      case .warning: .warning
      case .problem: .problem
      }
  }
}

/// Something that an operator should know or mend, as it is shown.
public struct FindingView: Sendable, Equatable, Codable {
  /// How bad it is.
  public var severity: Health
  /// The queue that it is about.
  public var queue: QueueName?
  /// What was found.
  public var text: String
  /// What to do about it.
  public var mend: String?

  /// A finding.
  public init(_ severity: Health, queue: QueueName? = nil, _ text: String, mend: String? = nil) {
    self.severity = severity
    self.queue = queue
    self.text = text
    self.mend = mend
  }
  /// What the engine found.
  public init(_ finding: Finding) {
    self.init(Health(finding.severity), queue: finding.queue, finding.text, mend: finding.mend)
  }
}

/// When a queue is well, and when it is not:
///
/// - a problem: messages are ready and nobody consumes the queue, which is not paused;
/// - a warning: a queue of dead letters has any;
/// - a warning: a queue is paused;
/// - a warning: somebody consumes, and yet the oldest message has waited longer than ``patience``.
public struct HealthRule: Sendable, Equatable {
  /// How long a message may wait in a queue that somebody consumes; 15 minutes by default.
  public var patience: Duration

  /// The rule.
  public init(patience: Duration = .seconds(900)) { self.patience = patience }

  /// What is to be said about these queues.
  public func findings(about queues: [QueueView], now: Date) -> [FindingView] {
    queues.compactMap { queue in
      switch queue.state {
      case .deadLetters where queue.ready > 0:
        return FindingView(
          .warning, queue: queue.name,
          "\(queue.name): \(counted(queue.ready, "dead letter")) \(queue.ready == 1 ? "waits" : "wait") for a person",
          mend:
            "see why with `warren dead groups --queue \(queue.name)`, then `warren dead replay --queue \(queue.name)`")
      case .paused:
        let waiting =
          queue.ready > 0 ? "; \(counted(queue.ready, "message")) \(queue.ready == 1 ? "waits" : "wait")" : ""
        return FindingView(
          .warning, queue: queue.name, "\(queue.name): paused\(waiting)",
          mend: "hand out again with `warren queue resume \(queue.name)`")
      case .unattended:
        return FindingView(
          .problem, queue: queue.name,
          "\(queue.name): \(counted(queue.ready, "message")) \(queue.ready == 1 ? "waits" : "wait") and nobody consumes",
          mend: "start a worker that consumes '\(queue.name)'; `warren worker ls` shows who is there")
      case .active:
        guard queue.ready > 0, let oldest = queue.oldest else { return nil }
        let age = Duration.seconds(now.timeIntervalSince(oldest))
        guard age > patience else { return nil }
        return FindingView(
          .warning, queue: queue.name, "\(queue.name): the oldest message was published \(age.words) ago",
          mend: "raise the concurrency of '\(queue.name)' or start another worker")
      case .deadLetters: return nil
      }
    }
  }
}

func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
