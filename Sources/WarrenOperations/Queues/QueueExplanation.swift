public import Foundation
public import Warren

/// Why what waits in a queue is not running now.
public struct QueueExplanation: Sendable, Equatable, Codable {
  /// One cause.
  public struct Cause: Sendable, Equatable, Codable {
    /// What holds the messages back; `fine` for what is as it should be.
    public var severity: Finding.Severity
    /// What it is.
    public var text: String
    /// What to do about it.
    public var fix: Fix?

    init(_ severity: Finding.Severity, _ text: String, fix: Fix? = nil) {
      self.severity = severity
      self.text = text
      self.fix = fix
    }
  }
  /// The queue.
  public var queue: QueueName
  /// What holds messages back, the first that would have to go first. Never empty.
  public var causes: [Cause]
}

extension QueueStatus {
  /// Why what waits here is not running now.
  ///
  /// - Parameters:
  ///   - workers: the workers that are connected; `nil` where the engine cannot tell.
  ///   - longestWait: how long a message may wait while workers consume.
  public func explanation(
    workers: [WorkerStatus]?, now: Date, longestWait: Duration = .seconds(60)
  ) -> QueueExplanation {
    var causes: [QueueExplanation.Cause] = []
    func messages(_ count: Int) -> String { count == 1 ? "1 message" : "\(count) messages" }
    if isPaused {
      causes.append(
        .init(.warning, "The queue is paused: nothing is handed out until it is resumed.", fix: .resume(name)))
    }
    if holdsDeadLetters, consumers == 0 {
      let text =
        ready == 0 ? "It holds dead letters, and there are none." : "It holds dead letters, which wait for a person."
      causes.append(.init(ready == 0 ? .fine : .warning, text, fix: ready == 0 ? nil : .readDeadLetters(in: name)))
    } else if consumers == 0 {
      causes.append(
        .init(ready > 0 ? .problem : .warning, "No worker consumes this queue.", fix: .startWorker(name)))
    }
    if ready > 0, consumers > 0, !isPaused {
      let held = running.map { "\(messages($0)) of it now" } ?? "messages of it"
      let wait = oldest.map { Duration.seconds(now.timeIntervalSince($0)) } ?? .zero
      let isLong = wait > longestWait
      let busy = workers.map { all in all.count { $0.queues.contains(name) } }
      let who =
        busy.map { $0 == 1 ? "1 worker consumes it" : "\($0) workers consume it" }
        ?? "\(consumers) consumers take from it"
      causes.append(
        .init(
          isLong ? .warning : .fine,
          "\(who) and hold \(held): what waits is taken as soon as one of them has room.",
          fix: isLong ? "raise the concurrency of '\(name)' or start another worker" : nil))
    }
    if let delayed, delayed > 0 {
      let verb = delayed == 1 ? "waits" : "wait"
      causes.append(
        .init(
          .fine,
          "\(messages(delayed)) \(verb) for the time that was set: a delayed job, or the next try after a failure."))
    }
    if causes.isEmpty { causes.append(.init(.fine, "Nothing waits: what comes in is handed out at once.")) }
    return QueueExplanation(queue: name, causes: causes)
  }
}
