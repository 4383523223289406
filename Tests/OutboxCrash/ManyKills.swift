internal import Foundation
internal import GRDB
internal import Spawning
internal import Warren
internal import WarrenSQLite

/// Kills the application at writes that a seed chooses, many times on the same files, and balances its books: nothing is lost, no step has run
/// twice, each value came back.
///
/// One to three kills follow each other before the application may finish what is there: so a message may have died thrice with its
/// process and is handled alone from then on, and is not yet parked as one that kills.
struct ManyKills {
  let folder: String
  let seed: UInt64
  let kills: Int

  private static let inARound = 3

  private struct Failed: Error, CustomStringConvertible { let description: String }

  func run() async throws {
    var random = Seeded(seed: seed)
    // The first run makes the tables, which the others do not.
    _ = try await start(1...Self.inARound, point: 0, oneByOne: false)
    var last = Self.inARound
    var points: [Bool: Int] = [:]
    for oneByOne in [false, true] {
      let end = try await start(last + 1...last + Self.inARound, point: 0, oneByOne: oneByOne)
      last += Self.inARound
      points[oneByOne] = Int(end.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }
    var died = 0
    var rounds = 0
    while died < kills {
      let bookings = last + 1...last + Self.inARound
      let oneByOne = Bool.random(using: &random)
      for _ in 0..<min(kills - died, Int.random(in: 1...3, using: &random)) {
        let point = Int.random(in: 1...max(1, points[oneByOne] ?? 1), using: &random)
        switch try await start(bookings, point: point, oneByOne: oneByOne).ending {
        case .signalled(SIGKILL): died += 1
        case .exited(0): break  // It was done before it came there.
        case let other: throw Failed(description: "a run until point \(point) of \(bookings) ended so: \(other)")
        }
      }
      let end = try await start(bookings, point: 0, oneByOne: oneByOne).ending
      guard end == .exited(0) else { throw Failed(description: "what was killed did not finish \(bookings): \(end)") }
      last = bookings.upperBound
      rounds += 1
    }
    try await balance(last, rounds, died)
  }

  private func start(
    _ bookings: ClosedRange<Int>, point: Int, oneByOne: Bool
  ) async throws -> (ending: ChildProcess.Ending, output: String) {
    let process = try ChildProcess(
      CommandLine.arguments[0],
      [folder, "\(bookings.lowerBound)-\(bookings.upperBound)", "\(point)"] + (oneByOne ? ["one-by-one"] : []),
      output: .pipe, errors: .inherited)
    let output = await process.output?.text() ?? ""
    return (await process.end(), output)
  }

  // MARK: The books

  private func balance(_ last: Int, _ rounds: Int, _ died: Int) async throws {
    let all = Array(1...last)
    let database = try DatabaseQueue(path: "\(folder)/app.db")
    let (bookings, results, left) = try await database.read { db in
      (
        try Int.fetchAll(db, sql: "SELECT number FROM booking ORDER BY 1"),
        try Int.fetchAll(db, sql: "SELECT booking FROM result ORDER BY 1"),
        try Int.fetchOne(db, sql: "SELECT count(*) FROM warren_outbox") ?? -1
      )
    }
    let (steps, repeated, changed) = try await database.read { db in
      (
        try Int.fetchOne(db, sql: "SELECT count(*) FROM effect") ?? -1,
        try Int.fetchOne(
          db, sql: "SELECT count(*) FROM (SELECT 1 FROM effect GROUP BY booking, step HAVING count(*) > 1)") ?? -1,
        try Int.fetchOne(
          db,
          sql:
            "SELECT count(*) FROM result r WHERE sum <> (SELECT sum(value) FROM effect e WHERE e.booking = r.booking)"
        ) ?? -1
      )
    }
    let engine = try SQLiteBroker(path: "\(folder)/broker.db")
    let waiting = try await engine.withBroker { engine in
      try await engine.queues().reduce(0) { $0 + $1.ready + ($1.delayed ?? 0) + ($1.running ?? 0) }
    }
    var isOutOfOrder = 0
    let published = try lines("published").compactMap { Int($0) }
    for key in 0...1 {
      var seen = Set<Int>()
      let first = published.filter { $0 % 2 == key && seen.insert($0).inserted }
      if first != first.sorted() { isOutOfOrder += 1 }
    }
    let places = Dictionary(grouping: try lines("killed")) { $0 }.map { ($0.key, $0.value.count) }.sorted { $0 < $1 }
    let moments = places.map { "\($0) \($1) ×" }.joined(separator: ", ")
    print("seed \(seed); \(died) kills in \(rounds) rounds: \(moments)")
    let lines: [(String, Bool)] = [
      ("kills: \(died)", died >= kills && places.map(\.1).reduce(0, +) == died),
      ("bookings kept: \(bookings.count) of \(last)", bookings == all),
      ("handled to the end, once each: \(results.count)", results == all),
      ("steps: \(steps) of \(last * OutboxCrash.steps.count)", steps == last * OutboxCrash.steps.count),
      ("steps that ran twice: \(repeated)", repeated == 0),
      ("values that came back changed: \(changed)", changed == 0),
      ("left in the outbox: \(left)", left == 0),
      ("left in queues, dead letters among them: \(waiting)", waiting == 0),
      ("keys out of order: \(isOutOfOrder)", isOutOfOrder == 0),
      ("published more than once: \(published.count - Set(published).count)", true),
    ]
    for (text, isRight) in lines { print("\(isRight ? "ok  " : "BAD ") \(text)") }
    if lines.contains(where: { !$0.1 }) { exit(1) }
  }

  private func lines(_ file: String) throws -> [String] {
    guard let data = FileManager.default.contents(atPath: "\(folder)/\(file).log") else { return [] }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
