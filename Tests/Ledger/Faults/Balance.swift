internal import Warren

extension Ledger {
  /// Balances the books of a processes with what its engine holds.
  static func balance(
    _ processes: TestProcesses, _ engine: any InspectableBroker & DeadLetterBroker, expected: Set<String>
  ) async throws -> Ledger {
    // In this order: what moves on meanwhile is then counted twice and not missed.
    let confirmed = Set(try await processes.confirmed().joined().map(\.id))
    let status = try await engine.queues().first { $0.name == processes.queue }
    var parked: [DeadLetter] = []
    var selection = DeadLetterSelection(origin: processes.queue, limit: 1000)
    repeat {
      let page = try await engine.deadLetters(selection)
      parked += page.letters
      selection.after = page.next
    } while selection.after != nil
    return Ledger(
      expected: expected, confirmed: confirmed, handled: try await processes.handled().map(\.id), parked: parked,
      left: status.map { $0.ready + ($0.delayed ?? 0) + ($0.running ?? 0) } ?? -1,
      endedByThemselves: await processes.endedByThemselves)
  }

  /// Prints it; whether all is as it must be.
  func report(_ more: [(text: String, isRight: Bool)] = []) -> Bool {
    let lines = lines + more
    for line in lines { say("\(line.isRight ? "ok  " : "BAD ") \(line.text)") }
    let passed = lines.filter(\.isRight).count
    say("\(passed) passed, \(lines.count - passed) failed")
    return passed == lines.count
  }
}
