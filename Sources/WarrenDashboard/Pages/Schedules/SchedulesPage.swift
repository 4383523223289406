internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// What is enqueued again and again: when, in words, next and last; paused, resumed and run now.
enum SchedulesPage {
  /// How many of the next runs are told.
  private static let upcoming = 5

  @Sendable static func page(_ call: Call) async throws -> Page {
    let content: HTML
    if call.operations.keepsSchedules {
      let schedules = try await seen(call)
      content =
        schedules.isEmpty
        ? Parts.empty("No schedules") { "A process whose `Scheduler` has some makes them known when it runs." }
        : table(schedules, call)
    } else {
      content = Parts.empty("No schedules are kept here") {
        "This engine is no store for them. The program that serves the dashboard can name the store that the scheduler has."
      }
    }
    return Page(
      title: "Schedules", section: .schedules,
      regions: [.init(id: "schedules", content: Tags.section(.class("card flush")) { content })], isLive: true)
  }

  /// Those whose queue the visitor may see.
  static func seen(_ call: Call) async throws -> [ScheduleStatus] {
    let operations = call.operations
    return try await call.look("schedules") { try await operations.schedules.all() }.filter { call.may(.see, $0.queue) }
  }

  private static func table(_ schedules: [ScheduleStatus], _ call: Call) -> HTML {
    Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(
          ("Schedule", false), ("When", false), ("State", false), ("Next", true), ("Last", true), ("", false))
        Tags.tbody { for schedule in schedules { row(schedule, call) } }
      }
    }
  }

  private static func row(_ schedule: ScheduleStatus, _ call: Call) -> HTML {
    Tags.tr {
      Parts.cell("Schedule") {
        Tags.strong(.class("unbroken")) { schedule.name }
        Tags.small(.class("muted under")) { "\(schedule.job) to \(schedule.queue)" }
      }
      Parts.cell("When") {
        schedule.recurrence.words
        Tags.details(.class("more")) {
          Tags.summary {
            schedule.recurrence.words == "\(schedule.recurrence)" ? "Next runs" : "\(schedule.recurrence)"
          }
          next(schedule, call)
        }
      }
      Parts.cell("State") { state(schedule, call) }
      Parts.cell("Next", number: true) { Show.ago(schedule.next, now: call.now) }
      Parts.cell("Last", number: true) { Show.ago(schedule.lastRun, now: call.now) }
      Parts.cell("") { actions(schedule, call) }
    }
  }

  private static func next(_ schedule: ScheduleStatus, _ call: Call) -> HTML {
    let times = (try? schedule.recurrence.next(upcoming, after: call.now)) ?? []
    return Tags.ol(.class("tree")) { for time in times { Tags.li { Show.exact(time, now: call.now) } } }
  }

  private static func state(_ schedule: ScheduleStatus, _ call: Call) -> HTML {
    if schedule.isPaused { return Parts.badge("paused", .warning) }
    if let error = schedule.error {
      return HTML([Parts.badge("failing", .bad), Tags.small(.class("muted wide"), .title(error)) { error }])
    }
    // A minute late is missed; a scheduler that runs looks once a second.
    if let next = schedule.next, call.now.timeIntervalSince(next) > 60 {
      return HTML([
        Parts.badge("overdue", .bad), Tags.small(.class("muted wide")) { "no scheduler is there to see it" },
      ])
    }
    return Parts.badge("active", .good)
  }

  private static func actions(_ schedule: ScheduleStatus, _ call: Call) -> HTML {
    Tags.div(.class("actions")) {
      if call.may(.run, schedule.queue) {
        Parts.form(call, to: "schedule/run", [("name", schedule.name)]) { Parts.button("Run now") }
      }
      if schedule.isPaused, call.may(.resume, schedule.queue) {
        Parts.form(call, to: "schedule/resume", [("name", schedule.name)]) { Parts.button("Resume", "primary") }
      }
      if !schedule.isPaused, call.may(.pause, schedule.queue) {
        Parts.form(call, to: "schedule/pause", [("name", schedule.name)]) { Parts.button("Pause") }
      }
    }
  }

  // MARK: Actions

  @Sendable static func pause(_ call: Call) async throws -> Answer {
    try await act(.pause, .schedulePaused, call) {
      _ = try await call.operations.pauseSchedule($0)
      return nil
    }
  }

  @Sendable static func resume(_ call: Call) async throws -> Answer {
    try await act(.resume, .scheduleResumed, call) {
      _ = try await call.operations.resumeSchedule($0)
      return nil
    }
  }

  @Sendable static func run(_ call: Call) async throws -> Answer {
    try await act(.run, .scheduleRun, call) { try await call.operations.runSchedule($0) }
  }

  private static func act(
    _ action: Dashboard.Action, _ word: Notice.Word, _ call: Call, _ body: (String) async throws -> MessageID?
  ) async throws -> Answer {
    guard let name = call.form["name"] else { throw Refusal(.badRequest, "the form does not say which schedule") }
    let schedule = try await call.operations.schedules.schedule(name)
    let job = try await call.act(action, schedule.queue) { try await body(schedule.name) }
    return .see(Notice(word).on(call.link("schedules")).with("job", job?.rawValue))
  }
}
