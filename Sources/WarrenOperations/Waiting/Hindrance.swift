public import Foundation
public import Warren

/// Why a message, or what is in a queue, is not being handled.
public struct Hindrance: Sendable, Equatable, Codable {
  /// The kinds of reasons.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// Dead letters wait for a person.
    case deadLetters = "dead-letters"
    /// The queue is paused.
    case paused
    /// Its time has not come.
    case delayed
    /// No worker consumes the queue.
    case noWorker = "no-worker"
    /// No worker of the queue has a handler for its name.
    case unknownName = "unknown-name"
    /// After deaths of workers it is handled alone, so it waits until nothing else runs.
    case suspect
    /// The workers of the queue hold as many messages as they may.
    case concurrency
    /// Its time to live is over: it is parked when its turn comes.
    case expired
  }
  /// What kind of reason.
  public var kind: Kind
  /// The reason, for a person.
  public var text: String
  /// When it ends by itself, if that is known.
  public var until: Date?
  /// What to do about it.
  public var fix: Fix?

  init(_ kind: Kind, _ text: String, until: Date? = nil, fix: Fix? = nil) {
    self.kind = kind
    self.text = text
    self.until = until
    self.fix = fix
  }
}

/// What is known of one message that waits.
public struct WaitingMessage: Sendable, Equatable {
  /// What it is.
  public var name: MessageName?
  /// When its time comes; `nil` when it has.
  public var due: Date?
  /// When it stops being worth handling.
  public var expiresAt: Date?
  /// How often a worker died with it.
  public var interruptions: Int

  /// A message.
  public init(name: MessageName?, due: Date? = nil, expiresAt: Date? = nil, interruptions: Int = 0) {
    self.name = name
    self.due = due
    self.expiresAt = expiresAt
    self.interruptions = interruptions
  }
}

extension Hindrance {
  /// Why what waits in a queue is not being handled, the reasons first that stand before all others; empty when nothing is known
  /// to be in the way, and for a queue in which nothing waits.
  ///
  /// - Parameters:
  ///   - workers: the workers that are connected; `nil` when the engine cannot tell.
  ///   - message: the message that is asked about; `nil`: all of the queue.
  ///   - known: the names for which the workers of the queue have handlers, where that is known.
  public static func all(
    of queue: QueueStatus, workers: [WorkerStatus]? = nil, message: WaitingMessage? = nil,
    known: Set<MessageName>? = nil,
    now: Date
  ) -> [Hindrance] {
    let waiting = queue.ready + (queue.delayed ?? 0)
    if message == nil, waiting == 0 { return [] }
    if queue.holdsDeadLetters {
      return [
        Hindrance(
          .deadLetters, "'\(queue.name)' holds dead letters, which wait for a person",
          fix: .readDeadLetters(in: queue.name))
      ]
    }
    var reasons: [Hindrance] = []
    if queue.isPaused { reasons.append(Hindrance(.paused, "'\(queue.name)' is paused", fix: .resume(queue.name))) }
    if let delay = delay(queue, message, now) { reasons.append(delay) }
    if let expiry = message?.expiresAt, expiry <= now {
      reasons.append(Hindrance(.expired, "its time to live is over: it becomes a dead letter when its turn comes"))
    }
    let own = workers?.filter { $0.queues.contains(queue.name) }
    if queue.consumers == 0 {
      let others = workers.map {
        $0.isEmpty ? "; no worker is connected at all" : "; \($0.count) connected for other queues"
      }
      reasons.append(
        Hindrance(
          .noWorker, "no worker consumes '\(queue.name)'\(others ?? "")", fix: .startWorker(queue.name)))
    } else if let name = message?.name, let known, !known.contains(name) {
      reasons.append(
        Hindrance(
          .unknownName, "no worker of '\(queue.name)' has a handler for '\(name)'",
          fix: Fix(.startWorker, queue: queue.name, text: "start a worker with a handler for '\(name)'")))
    } else if let message, message.interruptions >= History.interruptionsUntilSuspect, queue.running ?? 0 > 0 {
      reasons.append(
        Hindrance(
          .suspect,
          "workers died with it \(message.interruptions) times, so it is handled alone, when nothing else runs"))
    } else if message?.due.map({ $0 <= now }) ?? true, queue.ready > 0, let running = queue.running, running > 0 {
      let holders = own.map { $0.isEmpty ? "" : " in \($0.count) worker\($0.count == 1 ? "" : "s")" } ?? ""
      reasons.append(
        Hindrance(
          .concurrency,
          "\(running) message\(running == 1 ? " is" : "s are") being handled\(holders), and no more are taken until one is done",
          fix: "raise the concurrency of '\(queue.name)' or start another worker"))
    }
    return reasons
  }

  private static func delay(_ queue: QueueStatus, _ message: WaitingMessage?, _ now: Date) -> Hindrance? {
    if let due = message?.due, due > now {
      let left = Duration.seconds(Int64(due.timeIntervalSince(now).rounded(.up)))
      return Hindrance(
        .delayed, "it is delayed until \(due.formatted(.iso8601)), for \(left.words)", until: due,
        fix: "wait, or enqueue it anew without the delay")
    }
    if message == nil, queue.ready == 0, let delayed = queue.delayed, delayed > 0 {
      return Hindrance(.delayed, "\(delayed) message\(delayed == 1 ? " waits for its" : "s wait for their") time")
    }
    return nil
  }
}

extension Operations {
  /// Why what waits in a queue is not being handled: see ``Hindrance/all(of:workers:message:known:now:)``.
  public func hindrances(_ queue: QueueStatus, message: WaitingMessage? = nil) async throws(BrokerError) -> [Hindrance]
  {
    var known: [WorkerStatus]?
    do { known = try await workers() } catch  where error.code == .unsupported { known = nil }
    return Hindrance.all(of: queue, workers: known, message: message, now: clock.now)
  }
}
