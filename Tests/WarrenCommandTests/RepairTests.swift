import Foundation
import GRDB
import Testing
import Warren

/// A file whose rows say what is not true, as a program that writes into it past Warren leaves it.
@Suite("warren: doctor --repair") struct RepairTests {
  @Test("doctor counts broken rows, offers the repair, and repairs them without losing a message") func repair()
    async throws
  {
    let broker = try await SeededBroker()
    try await broker.enqueue(["a", "b", "c"])
    try damage(broker.path)

    let ill = try await broker.run("doctor")
    #expect(ill.status == 1)
    let offers = ill.rows.filter { $0.count == 3 && $0[2].contains("warren doctor --repair") }
    #expect(offers.count == 4, "\(ill.output)")
    #expect(offers.allSatisfy { $0[0] == "problem" })
    // Looking repairs nothing.
    #expect(try await broker.run("doctor").rows.filter { $0[0] == "problem" } == ill.rows.filter { $0[0] == "problem" })

    let run = try await broker.run("doctor", "--repair")
    #expect(run.rows.filter { $0[1].hasPrefix("repaired: ") }.count == 4, "\(run.output)\(run.errors)")
    #expect(!run.output.contains("warren doctor --repair"))

    let again = try await broker.run("doctor", "--repair")
    #expect(again.output.contains("nothing was to be repaired"))
    #expect(try await broker.messages(3).map { String($0.message.id?.rawValue ?? "") }.sorted() == ["a", "b", "c"])
  }

  @Test("a file in order stays as it is: 0") func inOrder() async throws {
    let broker = try await SeededBroker()
    let run = try await broker.run("doctor", "--repair")
    #expect(run.status == 0, "\(run.output)\(run.errors)")
    #expect(run.output.contains("nothing was to be repaired"))
  }

  /// A message in no place, a place (due in 2100, so that no broker meets it before the repair) without a message, a dead letter
  /// without one, and a count that is off.
  private func damage(_ path: String) throws {
    let file = try DatabaseQueue(path: path)
    defer { try? file.close() }
    try file.write { database in
      try database.execute(
        sql: """
          DELETE FROM ready WHERE seq = (SELECT min(seq) FROM message);
          INSERT INTO delayed (seq, queue, due) SELECT 901, id, 4102444800000 FROM queue WHERE name = 'mail';
          INSERT INTO dead_letter (seq, queue, origin, parking, routing_key, reason, detail, at)
          SELECT 902, id, id, 902, '', 'rejected', '', 0 FROM queue WHERE name = 'mail';
          UPDATE depth SET ready = 1000;
          """)
    }
  }
}
