import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("Lines of what happened") struct HistoryTests {
  private static let now = Date(timeIntervalSince1970: 1_700_000_040)

  private static func chart(_ samples: [QueueSample]) -> Chart {
    Chart(
      id: "x", title: "Messages", lines: [.init(name: "came in") { $0.published }],
      unit: { String(format: "%.1f", $0) }, samples: samples, interval: .seconds(60), now: now)
  }

  private static func sample(_ minutes: Double, _ value: Double?) -> QueueSample {
    QueueSample(time: now - minutes * 60, published: value)
  }

  @Test("what is not known is a gap, and never a point at 0") func gaps() {
    let samples = [
      Self.sample(30, 1), Self.sample(29, 2), Self.sample(28, nil), Self.sample(27, 4), Self.sample(10, 4),
      Self.sample(9, 0),
    ]
    let chart = Self.chart(samples)
    let drawing = chart.drawing(samples, chart.lines[0], 5)
    #expect(drawing == "M300.0 104.0h0L310.0 80.0M330.0 32.0h0M500.0 32.0h0L510.0 128.0")
  }

  @Test("the scale ends at a round number, and the time at as much as is known") func scales() {
    #expect(Chart.scale(0) == 1 && Chart.scale(0.3) == 0.5 && Chart.scale(5) == 5 && Chart.scale(73) == 100)
    #expect(Self.chart([Self.sample(50, 1)]).span == .seconds(3_600))
    #expect(Self.chart([Self.sample(70, 1)]).span == .seconds(6 * 3_600))
    #expect(Self.chart([Self.sample(1_000, 1)]).span == .seconds(86_400))
  }

  @Test("it is told in words and as a table, too, where unknown is a dash") func words() {
    let html = Self.chart([Self.sample(30, 1), Self.sample(1, 3)]).html().markup
    #expect(html.contains("role=\"img\" aria-labelledby=\"chart-x-title chart-x-text\""))
    #expect(html.contains("came in: from 1.0 to 3.0, last 3.0."))
    #expect(html.contains(">3.0</td>") && html.contains("title=\"not known\""))
    #expect(Self.chart([Self.sample(1, nil)]).html().markup.contains("came in: not known."))
  }

  @Test("the overview and the page of a queue draw what is kept; before that they say what has to run") func pages()
    async throws
  {
    try await Stage.run { stage in
      #expect(try await stage.page("").contains("Nothing is known of the time before now"))
      let time = stage.broker.clock.now
      for minutes in 1...5 {
        let sample = QueueSample(
          time: time - Double(minutes) * 60, published: 2, completed: 1, failed: nil, depth: 4, oldest: 75)
        try await stage.broker.keep(sample, ["mail": sample])
      }
      let fresh = Dashboard(stage.broker).desk
      #expect(await fresh.sampler.history(of: nil)?.count == 5)
      let page = try await stage.page("queue?name=mail")
      #expect(
        page.contains("<svg class=\"plot\"") && page.contains("last 1 min 15 s") && page.contains("failed: not known"))
      #expect(try await stage.page("queue?name=mail.dlq").contains("class=\"plot\"") == false)
      let json = String(buffer: try await stage.get("api/v1/history?name=mail").body)
      #expect(json.contains(#""failed":null"#) && json.contains(#""oldestSeconds":75"#))
      #expect(try await stage.get("api/v1/history?name=none").status == .notFound)
    }
  }

  @Test("a visitor who may see some queues only is not shown all of them together") func limited() async throws {
    try await Stage.run(rule: { _, queue in queue == nil || queue == "mail" }) { stage in
      let sample = QueueSample(time: stage.broker.clock.now, published: 2)
      try await stage.broker.keep(sample, ["mail": sample, "audit": sample])
      #expect(try await !stage.page("").contains("What happened"))
      #expect(try await stage.page("queue?name=mail").contains("What happened"))
      #expect(try await stage.get("api/v1/history").status == .forbidden)
      #expect(try await stage.get("api/v1/history?name=audit").status == .forbidden)
      #expect(try await stage.get("api/v1/history?name=mail").status == .ok)
    }
  }

  @Test("an engine without a place for samples has no lines and says so to programs") func without() async throws {
    try await Stage.run(over: { PlainBroker(base: $0) }) { stage in
      let page = try await stage.page("")
      #expect(!page.contains("What happened"))
      let answer = try await stage.get("api/v1/history")
      #expect(answer.status == .notImplemented)
    }
  }
}
