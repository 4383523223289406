public import Foundation

/// A job that is enqueued again and again.
///
/// ```swift
/// Schedule("report", .cron("0 6 * * 1-5", in: "Europe/Berlin")) { SendReport() }
/// Schedule("clean", .every(.seconds(300)), missed: .skip) { tick in RemoveOldFiles(before: tick) }
/// ```
/// A ``Scheduler`` enqueues it. The job of a tick has an id that is made of the schedule and the tick, so that a repeat can be told.
public struct Schedule: Sendable {
  /// Its name among those of its scheduler: 1 to 100 bytes without a slash.
  public let name: String
  /// When it is due.
  public let recurrence: Recurrence
  /// What becomes of ticks that no process was there for.
  public let missed: MissedRuns
  let job: MessageName
  let queue: QueueName
  let request: @Sendable (_ tick: Date, MessageID, Uniqueness?) throws -> JobRequest

  /// A schedule whose job is made anew for each tick.
  ///
  /// - Parameters:
  ///   - name: what it is called: 1 to 100 bytes without a slash. With another name it is another schedule.
  ///   - recurrence: when it is due.
  ///   - missed: what becomes of ticks that no process was there for: the latest of them is run by default.
  ///   - job: makes the job. It is given the time of the tick, or, when it is run now, the present.
  public init<J: JobMessage>(
    _ name: String, _ recurrence: Recurrence, missed: MissedRuns = .latest,
    job: @escaping @Sendable (_ tick: Date) throws -> J
  ) {
    self.name = name
    self.recurrence = recurrence
    self.missed = missed
    self.job = J.name
    queue = J.queue.name
    request = { tick, id, unique in JobRequest(try job(tick), id: id, unique: unique) }
  }

  /// A schedule whose job does not depend on the tick.
  public init<J: JobMessage>(
    _ name: String, _ recurrence: Recurrence, missed: MissedRuns = .latest, job: @escaping @Sendable () throws -> J
  ) {
    self.init(name, recurrence, missed: missed) { (_: Date) in try job() }
  }
}

/// What becomes of the ticks of a schedule that passed while no process was there to see them, such as while a machine slept.
/// Paused is not missed: the ticks of a pause are left out.
public enum MissedRuns: Sendable, Hashable, Codable {
  /// None is run. A tick counts as missed when it is seen more than a minute late.
  case skip
  /// The latest is run, once.
  case latest
  /// All are run, one after the other, but no more than the latest `limit` of them: 1 to 1,000.
  case all(limit: Int)
}

/// Collects the schedules of a ``Scheduler``.
@resultBuilder public enum ScheduleBuilder {
  /// One schedule.
  public static func buildExpression(_ schedule: Schedule) -> [Schedule] { [schedule] }
  /// Several, made elsewhere.
  public static func buildExpression(_ schedules: [Schedule]) -> [Schedule] { schedules }
  /// One after the other.
  public static func buildBlock(_ parts: [Schedule]...) -> [Schedule] { parts.flatMap { $0 } }
  /// Those of an `if`.
  public static func buildOptional(_ part: [Schedule]?) -> [Schedule] { part ?? [] }
  /// Those of an `if` with an `else`.
  public static func buildEither(first part: [Schedule]) -> [Schedule] { part }
  /// Those of an `else`.
  public static func buildEither(second part: [Schedule]) -> [Schedule] { part }
  /// Those of a loop.
  public static func buildArray(_ parts: [[Schedule]]) -> [Schedule] { parts.flatMap { $0 } }
}
