import Foundation
import Testing
import Warren
import WarrenSQLite

@Suite("warren bench") struct BenchTests {
  @Test("measures, counts each message once, and leaves nothing behind") func measures() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("bench", "--messages", "500", "--samples", "5", "--batch", "7", "--json")
    let report: [String: Any] = try run.json()
    #expect(run.status == 0 && report["handled"] as? Int == 505 && report["lost"] as? Int == 0, "\(run.output)")
    #expect(report["repeated"] as? Int == 0)
    let latency = try #require(report["latency"] as? [String: Double])
    #expect(try #require(latency["median"]) > 0 && latency["longest"] ?? 0 >= latency["median"] ?? 0)
    #expect(try await broker.run("queue", "ls").rows.allSatisfy { !$0[0].hasPrefix("bench-") })
    let audit = try await broker.run("audit", "ls", "--columns", "action,stage")
    #expect(audit.rows == [["bench", "begins"], ["bench", "done"]], "\(audit.output)")
    let text = try await broker.run("bench", "--messages", "10", "--samples", "1")
    #expect(text.output.contains("delivered\t11, each exactly once"), "\(text.output)")
  }

  @Test("when the time is up it ends with 1, says what is missing, and deletes its queue") func deadline() async throws
  {
    let broker = try await SeededBroker()
    let run = try await broker.run("bench", "--messages", "1000000", "--batch", "1", "--timeout", "300ms")
    #expect(run.status == 1 && run.errors.contains("did not come to its end"), "\(run.errors)")
    #expect(try await broker.run("queue", "ls").rows.allSatisfy { !$0[0].hasPrefix("bench-") })
  }

  @Test(
    "absurd numbers are not understood",
    arguments: [
      ["--messages", "1000001"], ["--size", "7"], ["--batch", "0"], ["--timeout", "2h"], ["--samples", "x"],
    ])
  func absurd(arguments: [String]) async throws {
    let run = try await warren(["bench", "--broker", "sqlite:/none"] + arguments)
    #expect(run.status == 2 && run.output.isEmpty, "\(run.errors)")
  }
}
