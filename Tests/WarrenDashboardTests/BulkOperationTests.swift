import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import Warren
import WarrenOperations
import WarrenTesting

@testable import WarrenDashboard

@Suite("Bulk operations on pages") struct BulkOperationTests {
  @Test("all that match are worked off in the background; the number in the button is the number acted on")
  func begun() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1", "m2", "m3"])
      try await stage.park(["t1", "t2"], error: "Timeout", message: "after 5 s")
      let confirm = try await stage.page("dead-letters/all?do=replay&error=Timeout")
      #expect(confirm.contains("Replay 2 dead letters") && confirm.contains("in the background"))
      let fields = PageTests.hidden(confirm)
      // What is parked after the count is left alone.
      try await stage.park(["t3"], error: "Timeout", message: "after 6 s")
      let begun = try await stage.post("dead-letters/all", fields)
      let address = try #require(begun.headers[.location])
      #expect(address.contains("/operation?id=") && address.contains("done=begun&count=2"))
      await stage.dashboard.desk.background.finish()
      #expect(try await stage.ready("mail") == 2)
      #expect(try await stage.ready("mail.dlq") == 4)

      let operation = try #require(try await stage.broker.bulkOperations(limit: 9).first)
      #expect(operation.state == .done && operation.done == 2 && operation.actor == "ann")
      #expect(operation.succession == .automatic)
      let page = try await stage.page(String(address.dropFirst(Stage.prefix.count + 1)))
      #expect(page.contains("2 dead letters are worked off in the background") && page.contains(">2 of 2<"))
      let list = try await stage.page("operations")
      #expect(list.contains("Replay 2 dead letters") && list.contains("done") && list.contains(">ann<"))
      // The same once more finds nothing and says so.
      let again = try await stage.post("dead-letters/all", fields)
      #expect(again.status == .conflict && String(buffer: again.body).contains("meanwhile"))
      #expect(try await stage.broker.bulkOperations(limit: 9).count == 1)
    }
  }

  @Test("only the first, and only so many a second; what is no number is refused") func first() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1", "m2", "m3"])
      let confirm = try await stage.page("dead-letters/all?do=delete&first=2")
      #expect(confirm.contains("Delete 2 dead letters"))
      let fields = PageTests.hidden(confirm)
      for rate in ["fast", "0", "-1", "inf"] {
        #expect(try await stage.post("dead-letters/all", fields + [("rate", rate)]).status == .badRequest)
      }
      #expect(try await stage.get("dead-letters/all?do=delete&first=none").status == .badRequest)
      let begun = try await stage.json("api/v1/dead-letters/all", fields + [("rate", "1000")])
      let answer = String(buffer: begun.body)
      #expect(begun.status == .ok && answer.contains(#""done":"begun""#), "\(answer)")
      let operation = try #require(try await stage.broker.bulkOperations(limit: 9).first)
      #expect(answer.contains(operation.id) && operation.rate == 1_000)
      stage.broker.advance(by: .seconds(1))
      await stage.dashboard.desk.background.finish()
      #expect(try await stage.ready("mail.dlq") == 1)
    }
  }

  @Test("one that runs can be cancelled; what is done stays done") func cancelled() async throws {
    try await Stage.run { stage in
      try await stage.park((1...6).map { MessageID("m\($0)") })
      let fields = PageTests.hidden(try await stage.page("dead-letters/all?do=replay"))
      // The clock of the broker stands still, so the second step does not come.
      _ = try await stage.post("dead-letters/all", fields + [("rate", "1")])
      var operation = try #require(try await stage.broker.bulkOperations(limit: 9).first)
      while operation.done == 0 {
        operation = try #require(try await stage.broker.bulkOperation(operation.id))
      }
      #expect(operation.done == 1)
      let page = try await stage.page("operation?id=\(operation.id)")
      #expect(page.contains("Cancel: leave 5 as they are") && page.contains(">1 of 6<"))
      #expect(try await stage.page("operations").contains("running"))
      #expect(try await stage.page("operation?id=\(operation.id)", as: "viewer").contains("Cancel:") == false)
      let ended = try await stage.post("operation/cancel", [("id", operation.id)])
      #expect(ended.headers[.location]?.contains("done=broken&count=5") == true)
      stage.broker.advance(by: .seconds(10))
      await stage.dashboard.desk.background.finish()
      #expect(try await stage.ready("mail") == 1)
      #expect(try await stage.page("operations").contains("cancelled"))
      #expect(try await stage.post("operation/cancel", [("id", operation.id)]).status == .badRequest)
      #expect(try await stage.post("operation/resume", [("id", operation.id)]).status == .badRequest)
      #expect(try await stage.get("operation?id=none").status == .notFound)
      #expect(try await stage.get("operation").status == .badRequest)
    }
  }

  /// An operation whose process has died after one step.
  private func brokenOff(_ stage: Stage, _ succession: BulkOperation.Succession?) async throws -> String {
    try await stage.park((1...5).map { MessageID("m\($0)") })
    let operation = BulkOperation(
      id: "op", action: .replay, selection: DeadLetterSelection(limit: .max), filter: "", actor: "bob", runner: "dead",
      started: stage.broker.clock.now, total: 5, succession: succession)
    try await stage.broker.keep(operation)
    _ = try await stage.broker.advance("op", runner: "dead", atMost: 2)
    return operation.id
  }

  @Test("the next dashboard goes on with what one has begun and its process died") func resumed() async throws {
    try await Stage.run { stage in
      let id = try await brokenOff(stage, .automatic)
      let background = stage.dashboard.desk.background
      let operations = stage.dashboard.desk.operations
      // It may still live.
      await background.resumeBrokenOff(operations)
      #expect(try await stage.broker.bulkOperation(id)?.runner == "dead")
      stage.broker.advance(by: .seconds(31))
      #expect(try await stage.page("operation?id=op").contains("Go on with 3"))
      await background.resumeBrokenOff(operations)
      await background.finish()
      let done = try #require(try await stage.broker.bulkOperation(id))
      #expect(done.state == .done && done.done == 5 && done.skipped.total == 0)
      #expect(try await stage.ready("mail") == 5)
    }
  }

  @Test("a dashboard that runs as a service looks for it by itself") func service() async throws {
    try await Stage.run { stage in
      _ = try await brokenOff(stage, .automatic)
      stage.broker.advance(by: .seconds(31))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await stage.dashboard.run() }
        while try await stage.broker.bulkOperation("op")?.state == .running { await Task.yield() }
        group.cancelAll()
      }
      #expect(try await stage.ready("mail") == 5)
    }
  }

  @Test("what a person began by the command line waits for a person, who may go on from the page")
  func byHand() async throws {
    try await Stage.run { stage in
      _ = try await brokenOff(stage, nil)
      stage.broker.advance(by: .seconds(31))
      let background = stage.dashboard.desk.background
      await background.resumeBrokenOff(stage.dashboard.desk.operations)
      await background.finish()
      #expect(try await stage.ready("mail") == 2)
      #expect(try await stage.page("operations").contains("broken off"))
      let resumed = try await stage.post("operation/resume", [("id", "op")])
      #expect(resumed.headers[.location]?.contains("done=begun&count=3") == true)
      await background.finish()
      #expect(try await stage.ready("mail") == 5)
    }
  }

  @Test("where the engine keeps none it is said, and done while the page waits; no link leads to an empty page")
  func plain() async throws {
    try await Stage.run(over: { PlainBroker(base: $0) }) { stage in
      try await stage.park(["m1", "m2", "m3"])
      let confirm = try await stage.page("dead-letters/all?do=replay&first=2")
      #expect(confirm.contains("keeps no operations") && !confirm.contains("At most so many a second"))
      #expect(!confirm.contains("\(Stage.prefix)/operations"))
      let done = try await stage.post("dead-letters/all", PageTests.hidden(confirm))
      #expect(done.headers[.location]?.contains("done=replayed&count=2") == true)
      #expect(try await stage.ready("mail") == 2)
      #expect(try await stage.page("operations").contains("keeps no operations"))
      #expect(try await stage.get("operation?id=op").status == .notImplemented)
      #expect(try await stage.get("api/v1/operations").status == .notImplemented)
    }
  }
}
