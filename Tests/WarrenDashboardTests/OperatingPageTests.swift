import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Synchronization
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("Pages of schedules, outbox and broker") struct OperatingPageTests {
  private struct MakeReport: JobMessage {
    static let name: MessageName = "report.make"
    static let queue: Queue = "mail"
  }

  /// Makes the schedule `reports/monthly` known, as a scheduler does that runs.
  static func schedule(_ stage: Stage) async throws {
    let bus = EventBus(stage.broker, exchange: .topic("books"), source: "test")
    let scheduler = try Scheduler(bus, name: "reports", store: stage.broker) {
      Schedule("monthly", .cron("30 6 1 * *", in: "Europe/Berlin")) { MakeReport() }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await scheduler.run() }
      let schedules = Schedules(stage.broker, clock: stage.broker.clock)
      while try await schedules.all().isEmpty { await Task.yield() }
      group.cancelAll()
    }
  }

  @Test("a schedule in words with its next runs; run now, pause, resume, on record") func schedules() async throws {
    try await Stage.run { stage in
      #expect(try await stage.page("schedules").contains("No schedules"))
      try await Self.schedule(stage)
      let page = try await stage.page("schedules")
      #expect(page.contains("at 06:30 on the 1st, Europe/Berlin") && page.contains("reports/monthly"))
      #expect(page.contains("report.make to mail") && page.contains("active"))
      #expect(page.matches(of: /<time datetime="20..-..-01T0[45]:30/).count >= 5)
      let form = [("name", "reports/monthly")]
      let asked = try await stage.post("schedule/run", form)
      #expect(asked.headers[.location]?.contains("done=schedule-run") == true)
      #expect(try await stage.post("schedule/pause", form).status == .seeOther)
      let paused = try await stage.page("schedules")
      #expect(paused.contains("paused") && paused.contains("Resume"))
      #expect(try await stage.post("schedule/resume", form).status == .seeOther)
      #expect(try await stage.post("schedule/run", [("name", "none")]).status == .notFound)
      let audit = try await stage.page("audit")
      for action in ["schedule.run", "schedule.pause", "schedule.resume"] { #expect(audit.contains(action)) }
      #expect(String(buffer: try await stage.get("api/v1/schedules").body).contains(#""name":"reports/monthly""#))
    }
  }

  @Test("the outbox: what waits, what fails and why; try again, discard after a question") func outbox() async throws {
    try await Stage.run { stage in
      let page = try await stage.page("outbox")
      #expect(page.contains("there is no exchange &lt;books&gt;") && page.contains("Try 1 message again now"))
      #expect(page.contains("two wait in the outbox"))
      let retried = try await stage.post("outbox/retry", [])
      #expect(retried.headers[.location]?.contains("done=retried&count=1") == true)
      #expect(stage.outbox.retries.withLock { $0 } == 1)
      #expect(try await stage.page("outbox/discard?id=o1").contains("cannot be brought back"))
      #expect(try await stage.post("outbox/discard", [("id", "o1")]).status == .seeOther)
      #expect(try await stage.post("outbox/discard", [("id", "o1")]).status == .notFound)
      #expect(try await stage.page("outbox").contains("Nothing fails"))
      #expect(try await stage.page("audit").contains("outbox.discard"))
    }
  }

  @Test("the broker: version, file, abilities; the doctor looks at everything when it is asked") func broker()
    async throws
  {
    try await Stage.run { stage in
      let page = try await stage.page("broker")
      #expect(page.contains("SQLite") && page.contains("Schema") && page.contains("Look at everything"))
      #expect(try await stage.page("broker?look=all").contains("What the doctor finds"))
      #expect(String(buffer: try await stage.get("api/v1/broker").body).contains(#""engine":"SQLite"#))
    }
  }
}
