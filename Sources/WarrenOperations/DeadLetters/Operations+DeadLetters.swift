public import Warren

extension Operations {
  /// How many dead letters are read from the engine at a time.
  public static let pageSize = 500

  /// The first dead letters that a filter lets through, the oldest first, and whether there are more.
  public func deadLetters(
    _ filter: DeadLetterFilter, limit: Int
  ) async throws(BrokerError) -> (letters: [DeadLetterView], hasMore: Bool) {
    var letters: [DeadLetterView] = []
    // One more than is shown tells whether there are more.
    try await walk(filter, limit: limit + 1) { page in
      letters += page.map { DeadLetterView($0, mask: mask) }
      return true
    }
    let hasMore = letters.count > limit
    return (Array(letters.prefix(limit)), hasMore)
  }

  /// The dead letters with this id: more than one when several queues gave up on the message.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none.
  public func deadLetters(_ id: MessageID, in queue: QueueName? = nil) async throws(BrokerError) -> [DeadLetterView] {
    try await originals(id, in: queue).map { DeadLetterView($0, mask: mask) }
  }

  func originals(_ id: MessageID, in queue: QueueName?) async throws(BrokerError) -> [DeadLetter] {
    let page = try await deadLetterBroker.deadLetters(DeadLetterSelection(queue: queue, id: id))
    if page.letters.isEmpty {
      let place = queue.map { " in '\($0)'" } ?? ""
      throw BrokerError(.notFound, "there is no dead letter '\(id)'\(place)")
    }
    return page.letters
  }

  /// Visits the dead letters page by page, at most `limit` of them, until `visit` has enough.
  func walk(
    _ filter: DeadLetterFilter, limit: Int?, _ visit: ([DeadLetter]) -> Bool
  ) async throws(BrokerError) {
    let broker = try deadLetterBroker
    var left = limit ?? .max
    for var selection in filter.selections(limit: Self.pageSize) {
      while left > 0 {
        selection.limit = min(Self.pageSize, left)
        let page = try await broker.deadLetters(selection)
        left -= page.letters.count
        if !page.letters.isEmpty, !visit(page.letters) { return }
        guard let next = page.next else { break }
        selection.after = next
      }
    }
  }
}
