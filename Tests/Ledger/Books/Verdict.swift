internal import Warren

extension Ledger {
  /// Balances the books of a crew with what its engine holds.
  static func balance(
    _ crew: Crew, _ engine: any InspectableBroker & DeadLetterBroker, expected: Set<String>
  ) async throws -> Ledger {
    // In this order: what moves on meanwhile is then counted twice and not missed.
    let confirmed = Set(try await crew.confirmed().joined().map(\.id))
    let status = try await engine.queues().first { $0.name == crew.queue }
    var parked: [DeadLetter] = []
    var selection = DeadLetterSelection(origin: crew.queue, limit: 1000)
    repeat {
      let page = try await engine.deadLetters(selection)
      parked += page.letters
      selection.after = page.next
    } while selection.after != nil
    return Ledger(
      expected: expected, confirmed: confirmed, handled: try await crew.handled().map(\.id), parked: parked,
      left: status.map { $0.ready + ($0.delayed ?? 0) + $0.running } ?? -1, deserters: await crew.deserters)
  }

  /// Prints it; whether all is as it must be.
  func pronounce(_ more: [(text: String, isRight: Bool)] = []) -> Bool {
    let lines = lines + more
    for line in lines { say("\(line.isRight ? "ok  " : "BAD ") \(line.text)") }
    let passed = lines.filter(\.isRight).count
    say("\(passed) passed, \(lines.count - passed) failed")
    return passed == lines.count
  }
}
