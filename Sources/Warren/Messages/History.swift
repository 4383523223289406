public import Foundation

/// What a message has been through: two counters that are never mixed, and its last failures.
public struct History: Sendable, Equatable, Codable {
  /// How often a handler failed on it.
  public var attempts: Int
  /// How often the worker that held it died or hung. A stop in good order counts nowhere.
  public var interruptions: Int
  /// The last failures, oldest first, at most ``failuresKept``.
  public var failures: [Failure]
  /// How often a person has sent it back to work from a dead-letter queue.
  public var replays: Int

  /// How many failures are kept: an AMQP header frame cannot be split, so the record has to stay small.
  public static let failuresKept = 5

  /// How often workers may die with a message before it is handled alone.
  public static let interruptionsUntilSuspect = 3

  /// A history; by default that of a message to which nothing has happened yet. Counters are kept between 0 and a billion: they
  /// may come from a foreign header.
  public init(attempts: Int = 0, interruptions: Int = 0, failures: [Failure] = [], replays: Int = 0) {
    func counter(_ value: Int) -> Int { min(max(0, value), 1_000_000_000) }
    self.attempts = counter(attempts)
    self.interruptions = counter(interruptions)
    self.failures = failures
    self.replays = counter(replays)
  }

  /// The number of the attempt that comes next, from 1.
  public var nextAttempt: Int { attempts < .max ? attempts + 1 : attempts }

  /// Whether nothing has happened yet.
  public var isEmpty: Bool { attempts == 0 && interruptions == 0 && failures.isEmpty && replays == 0 }

  /// Appends a failure; the oldest beyond ``failuresKept`` is forgotten.
  public mutating func note(_ failure: Failure) {
    failures.append(failure)
    if failures.count > Self.failuresKept { failures.removeFirst(failures.count - Self.failuresKept) }
  }

  /// The same history for another life: attempts and interruptions begin again, what happened stays on record.
  public func replayed() -> History { History(failures: failures, replays: replays + 1) }
}

/// One thing that went wrong with a message.
public struct Failure: Sendable, Equatable, Codable {
  /// When.
  public var time: Date
  /// Which attempt it was, from 1; 0 for what is no attempt, such as a body that could not be decoded.
  public var attempt: Int
  /// The type of the error, such as `MailError`.
  public var error: String
  /// What the error says, cut to ``messageLimit`` bytes.
  public var message: String
  /// The worker on which it happened, cut to 255 bytes.
  public var worker: String

  /// How many bytes of an error's text are kept, in UTF-8. A character may have any number of bytes, so they are no measure:
  /// what does not fit into a header could not be settled at all.
  public static let messageLimit = 500

  /// A failure; a longer `message` is cut.
  public init(time: Date, attempt: Int, error: String, message: String, worker: String) {
    self.time = time
    self.attempt = attempt
    self.error = error.cut(toUTF8: 120)
    self.message = message.cut(toUTF8: Self.messageLimit)
    self.worker = worker.cut(toUTF8: 255)
  }
}
