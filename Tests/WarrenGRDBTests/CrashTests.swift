import BrokerConformance
import Foundation
import GRDB
import Spawning
import Testing

/// A real process with an outbox, a relay and a handler of five steps is killed between every two of its writes. Whatever the
/// moment: what was promised is handled, each step has run once, and its value came back.
@Suite struct CrashTests {
  private static let bookings = 3
  /// How many kills there are, spread evenly over the run; `WARREN_TEST_KILLS` asks for more.
  private static let kills = ProcessInfo.processInfo.environment["WARREN_TEST_KILLS"].flatMap(Int.init) ?? 24

  @Test(arguments: [false, true]) func aKillBetweenAnyTwoWritesLosesNothingAndRepeatsNoStep(oneByOne: Bool) async throws
  {
    let quiet = try CrashFolder()
    let total = try #require(
      Int(try await run(quiet, point: 0, oneByOne).output.trimmingCharacters(in: .whitespacesAndNewlines)))
    try quiet.check(Self.bookings)
    #expect(total > 60)
    var died = 0
    for number in 0..<Self.kills {
      let point = 1 + number * total / Self.kills
      let folder = try CrashFolder()
      // How many points there are differs a little from run to run: a late one may not be reached.
      if try await run(folder, point: point, oneByOne).ending == .signalled(SIGKILL) { died += 1 }
      let end = try await run(folder, point: 0, oneByOne)
      #expect(end.ending == .exited(0), "after a kill at \(point)")
      try folder.check(Self.bookings, "killed at \(point) of \(total)")
    }
    #expect(died > Self.kills / 2)
  }

  private func run(_ folder: CrashFolder, point: Int, _ oneByOne: Bool) async throws -> (
    ending: ChildProcess.Ending, output: String
  ) {
    let process = try ChildProcess(
      BuiltProgram.path("warren-outbox-crash"),
      [folder.path, "\(Self.bookings)", "\(point)"] + (oneByOne ? ["one-by-one"] : []), output: .pipe,
      errors: .inherited)
    let output = await process.output?.text() ?? ""
    return (await process.end(), output)
  }
}

/// The files of one application.
final class CrashFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("warren-crash-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func check(_ bookings: Int, _ when: Comment = "undisturbed", sourceLocation: SourceLocation = #_sourceLocation) throws
  {
    let all = Array(1...bookings)
    let database = try DatabaseQueue(path: path + "/app.db")
    try database.read { db in
      let steps = try Row.fetchAll(
        db, sql: "SELECT booking, step, count(*) AS times FROM effect GROUP BY 1, 2")
      #expect(steps.count == bookings * 5, when, sourceLocation: sourceLocation)
      #expect(
        steps.allSatisfy { $0["times"] == 1 }, "\(when): a finished step ran again", sourceLocation: sourceLocation)
      let wrong = try Int.fetchAll(
        db,
        sql:
          "SELECT booking FROM result WHERE sum <> (SELECT sum(value) FROM effect e WHERE e.booking = result.booking)")
      #expect(wrong == [], "\(when): a value came back changed", sourceLocation: sourceLocation)
      #expect(
        try Int.fetchAll(db, sql: "SELECT booking FROM result ORDER BY 1") == all, when, sourceLocation: sourceLocation)
      #expect(
        try Int.fetchOne(db, sql: "SELECT count(*) FROM warren_outbox") == 0, "\(when): the outbox is empty",
        sourceLocation: sourceLocation)
    }
    let published = try lines("published").reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    for key in 0...1 {
      let ordered = published.compactMap(Int.init).filter { $0 % 2 == key }
      #expect(ordered == ordered.sorted(), "\(when): the order of a key", sourceLocation: sourceLocation)
    }
    #expect(Set(try lines("promised").compactMap(Int.init)) == Set(all), when, sourceLocation: sourceLocation)
  }

  private func lines(_ file: String) throws -> [String] {
    try String(contentsOfFile: "\(path)/\(file).log", encoding: .utf8).split(separator: "\n").map(String.init)
  }
}
