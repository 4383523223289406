import HTTPTypes
import HummingbirdTesting
import Testing
import Warren
import WarrenTesting

@testable import WarrenDashboard

@Suite("Pages that look through all messages") struct SweepTests {
  @Test("one that takes long says how far it is, is made once, and is there in the end") func progress() async throws {
    let gate = Watched(false)
    let asked = Asked()
    try await Stage.run(over: { CountingBroker(base: $0, asked: asked, gate: gate) }, patience: .zero) { stage in
      try await stage.park(["m1", "m2"])
      for _ in 1...2 {
        let page = try await stage.page("failures")
        #expect(page.contains("Looking through the messages") && page.contains(#"http-equiv="refresh""#))
      }
      gate.withValue { $0 = true }
      let page = try await stage.pageInTheEnd("failures")
      #expect(page.contains("1 group of 2 dead letters") && !page.contains(#"http-equiv="refresh""#))
      #expect(asked.all["dead letters"] == 1)
      #expect(try await stage.pageInTheEnd("dead-letters/all?do=replay").contains("Replay 2 dead letters"))
      #expect(try await stage.pageInTheEnd("dead-letters?error=refused").contains("m2"))
    }
  }

  @Test("what is wrong with the address is told, too") func refusal() async throws {
    try await Stage.run(patience: .zero) { stage in
      var status = HTTPResponse.Status.ok
      while status == .ok { status = try await stage.get("dead-letters?age=soon").status }
      #expect(status == .badRequest)
    }
  }

  @Test("there is an end to how many are made at once") func limit() async throws {
    let gate = Watched(false)
    try await Stage.run(over: { CountingBroker(base: $0, gate: gate) }, patience: .zero) { stage in
      for number in 1...Desk.sweepLimit { _ = try await stage.page("dead-letters?error=\(number)") }
      #expect(try await stage.get("dead-letters?error=more").status == .serviceUnavailable)
      gate.withValue { $0 = true }
      _ = try await stage.pageInTheEnd("dead-letters?error=1")
      _ = try await stage.page("dead-letters?error=more")
    }
  }
}

extension Stage {
  /// The page once nothing is looked for any more.
  fileprivate func pageInTheEnd(_ path: String) async throws -> String {
    while true {
      let page = try await page(path)
      if !page.contains("Looking through the messages") { return page }
    }
  }
}
