public import Warren

extension Operations {
  /// How many dead letters one step of a bulk action takes.
  public static let pageSize = 500

  /// The dead letters of a selection, the oldest first, and whether there are more than its limit.
  ///
  /// All of them are in memory at once: leave out the bodies of many, or use ``visitDeadLetters(_:_:)``.
  public func deadLetters(
    _ selection: DeadLetterSelection
  ) async throws(BrokerError) -> (letters: [DeadLetterView], hasMore: Bool) {
    var letters: [DeadLetterView] = []
    let hasMore = try await walk(selection) { letter in
      letters.append(view(letter, selection))
      return true
    }
    return (letters, hasMore)
  }

  /// Visits the dead letters of a selection one by one, the oldest first. Some pages of them are in memory at most.
  ///
  /// - Returns: whether there are more than the selection's limit.
  /// - Throws: ``Warren/BrokerError``, and what `visit` throws.
  @discardableResult
  public func visitDeadLetters(
    _ selection: DeadLetterSelection, _ visit: (DeadLetterView) throws -> Void
  ) async throws -> Bool {
    var failure: (any Error)?
    let hasMore = try await walk(selection) { letter in
      do { try visit(view(letter, selection)) } catch { failure = error }
      return failure == nil
    }
    if let failure { throw failure }
    return hasMore
  }

  /// The dead letters with this id: more than one when several queues gave up on the message.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none.
  public func deadLetters(_ id: MessageID, in queue: QueueName? = nil) async throws(BrokerError) -> [DeadLetterView] {
    try await originals(id, in: queue).map { DeadLetterView($0, mask: mask) }
  }

  func originals(_ id: MessageID, in queue: QueueName?) async throws(BrokerError) -> [DeadLetter] {
    let page = try await deadLetterBroker.deadLetters(DeadLetterSelection(queue: queue, ids: [id]))
    if page.letters.isEmpty {
      let place = queue.map { " in '\($0)'" } ?? ""
      throw BrokerError(.notFound, "there is no dead letter '\(id)'\(place)")
    }
    return page.letters
  }

  private func view(_ letter: DeadLetter, _ selection: DeadLetterSelection) -> DeadLetterView {
    DeadLetterView(letter, mask: mask, includesBody: selection.includesBodies)
  }

  /// Visits dead letters in one look where the engine can, at most as many as the selection's limit, until `visit` has enough.
  /// Returns whether there are more.
  @discardableResult
  func walk(
    _ selection: DeadLetterSelection, _ visit: (DeadLetter) -> Bool
  ) async throws(BrokerError) -> Bool {
    let broker = try deadLetterBroker
    let letters = Handoff<[DeadLetter]>()
    return try await withTaskGroup(of: Result<Bool, BrokerError>.self) { group in
      group.addTask {
        defer { letters.finish() }
        do throws(BrokerError) {
          return .success(try await broker.visitDeadLetters(selection) { await letters.give($0) })
        } catch { return .failure(error) }
      }
      while let some = await letters.take() {
        onRead?(some.count)
        if !some.allSatisfy(visit) { letters.refuse() }
      }
      return await group.next() ?? .success(false)
    }.get()
  }
}
