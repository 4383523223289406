import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("Undoing a deletion") struct DeletedPageTests {
  @Test("what was deleted is offered, put back, and then no more") func undo() async throws {
    try await Stage.run { stage in
      try await stage.park(["m1", "m2"])
      #expect(try await stage.page("dead-letters/deleted").contains("Nothing can be put back"))
      let asks = String(
        buffer: try await stage.post("dead-letters/selected", [("do", "delete"), ("pick", "queue=mail.dlq&id=m1")]).body
      )
      #expect(asks.contains("They can be put back for 1 d, the newest 10,000 of them."))
      let deleted = try await stage.post(
        "dead-letters/selected", [("do", "delete"), ("sure", "yes"), ("pick", "queue=mail.dlq&id=m1")])
      let after = String(try #require(deleted.headers[.location]).dropFirst("/admin/queues/".count))
      #expect(try await stage.page(after).contains("Undo: see what was deleted"))
      #expect(try await !stage.page(after, as: "operator").contains("Undo: see"), "who may not delete may not undo")
      let page = try await stage.page("dead-letters/deleted")
      let address = String(try #require(page.firstMatch(of: /name="pick" value="(@[0-9]+)"/)?.1))
      #expect(page.contains("m1") && !page.contains("m2"))
      #expect(try await stage.post("dead-letters/restore", []).status == .badRequest)
      let restored = try await stage.post("dead-letters/restore", [("pick", address)])
      #expect(restored.headers[.location]?.contains("done=restored&count=1") == true)
      #expect(try await stage.ready("mail.dlq") == 2)
      #expect(try await stage.post("dead-letters/restore", [("pick", address)]).status == .notFound)
      #expect(try await stage.page("audit").contains("dead.restore"))
    }
  }

  @Test("where deleting is final the confirmation says so, and nothing is offered") func final() async throws {
    try await Stage.run(over: { PlainBroker(base: $0) }) { stage in
      try await stage.park(["m1"])
      let asks = String(
        buffer: try await stage.post("dead-letters/selected", [("do", "delete"), ("pick", "queue=mail.dlq&id=m1")]).body
      )
      #expect(asks.contains("gone for good") && !asks.contains("put back"))
      #expect(try await stage.page("dead-letters/all?do=delete").contains("gone for good"))
      #expect(try await !stage.page("dead-letters").contains("dead-letters/deleted"))
      #expect(try await stage.get("dead-letters/deleted").status == .notImplemented)
      #expect(try await stage.get("api/v1/dead-letters/deleted").status == .notImplemented)
    }
  }
}
