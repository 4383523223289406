internal import Warren

/// What messages have been through. Most have no row here: nothing has happened to them.
extension Transaction {
  /// Returns what is added to the message's rank with that history.
  @discardableResult
  func write(_ history: History, of seq: Int64, isIsolated: Bool) throws -> Int64 {
    let isolation = isIsolated ? Schema.isolationRank(interruptions: history.interruptions) : 0
    let write = statements.writeHistory
    write.bind(1, seq)
    write.bind(2, isolation)
    write.bind(3, history.stored)
    try write.run()
    return isolation
  }

  func history(of seq: Int64) throws -> (history: History, isolation: Int64) {
    statements.readHistory.bind(1, seq)
    return try statements.readHistory.first { (History(stored: $0.optionalText(1)), Schema.isolation($0.int(0))) } ?? (
      History(), 0
    )
  }

  func forgetHistory(of seq: Int64) throws {
    statements.deleteHistory.bind(1, seq)
    try statements.deleteHistory.run()
  }
}
