internal import AMQP
internal import Foundation
internal import Warren

/// Lists dead letters.
struct DeadLetterReader: Sendable {
  let session: Session
  let known: KnownTopology
  let locks: NamedLocks

  /// One page of dead letters, the oldest first. The cursor is the number of letters on the pages before, so it is off when
  /// letters come or go meanwhile.
  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    let begin = min(max(0, Int(clamping: selection.after?.position ?? 0)), Int.max / 4)
    let end = begin + min(max(0, selection.limit), Int.max / 4)
    let holders = try await holders(for: selection)
    // Of a single queue, what was on the pages before need not be kept.
    let skipped = holders.count == 1 ? begin : 0
    let origins = await origins(of: holders)
    let read = try await sideBySide(holders) { queue throws(BrokerError) -> [DeadLetter] in
      let origin = origins[queue]
      return try await sweeping(queue) { sweep in
        var found: [DeadLetter] = []
        var addresses = Addresses(queue)
        var passed = 0, size = 0
        try await sweep.run(first: min(end, 10_000) + 1) { delivery in
          var letter = DeadLetter(delivery, in: queue, origin: origin, &addresses)
          guard letter.fulfils(selection) else { return true }
          passed += 1
          if passed <= skipped { return true }
          if !selection.includesBodies { letter.message.body = Data() }
          size += letter.message.body.count
          found.append(letter)
          // One more than the page tells that there is another; of bodies, one that is too much does.
          return passed <= end && (size <= DeadLetterPage.bodyLimit || passed <= begin + 1)
        }
        return found
      } ?? []
    }
    var letters = read.flatMap(\.self)
    if holders.count > 1 {
      var seen: Set<Parking> = []
      letters.removeAll { letter in Parking(letter).map { !seen.insert($0).inserted } ?? false }
    }
    // Equal times stay in the order of their queue.
    letters = letters.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    var page: [DeadLetter] = []
    var size = 0
    let rest = letters.dropFirst(begin - skipped)
    for letter in rest.prefix(end - begin) {
      size += letter.message.body.count
      if size > DeadLetterPage.bodyLimit, !page.isEmpty { break }
      page.append(letter)
    }
    return DeadLetterPage(
      letters: page,
      next: rest.count > page.count ? DeadLetterPage.Cursor(position: Int64(begin + page.count)) : nil)
  }

  /// Visits dead letters in one sweep of their queue, a few at a time. Those of several queues, which are to be in order of their
  /// times, are read before: without bodies all of them, with bodies page by page.
  ///
  /// - Returns: whether there are more; `nil` when it has to be done page by page.
  func visit(
    _ selection: DeadLetterSelection, _ visit: @escaping @Sendable ([DeadLetter]) async -> Bool
  ) async throws(BrokerError) -> Bool? {
    let holders = try await holders(for: selection)
    guard holders.count == 1, let queue = holders.first else {
      if selection.includesBodies { return nil }
      let page = try await deadLetters(selection)
      return await !visit(page.letters) || page.next != nil
    }
    let origin = await origins(of: [queue])[queue]
    let skipped = max(0, Int(clamping: selection.after?.position ?? 0)), limit = max(0, selection.limit)
    return try await sweeping(queue) { sweep in
      var some: [DeadLetter] = []
      var addresses = Addresses(queue)
      var passed = 0, seen = 0, size = 0
      var wantsMore = true
      func hand() async {
        if !some.isEmpty, wantsMore { wantsMore = await visit(some) }
        (some, size) = ([], 0)
      }
      try await sweep.run(first: min(limit, 10_000) + 1) { delivery in
        var letter = DeadLetter(delivery, in: queue, origin: origin, &addresses)
        guard letter.fulfils(selection) else { return true }
        passed += 1
        if passed <= skipped { return true }
        seen += 1
        // One more than the limit tells that there is another.
        if seen > limit { return false }
        if !selection.includesBodies { letter.message.body = Data() }
        size += letter.message.body.count
        some.append(letter)
        if some.count == 500 || size > DeadLetterPage.bodyLimit { await hand() }
        return wantsMore
      } finish: {
        await hand()
      }
      return seen > limit || !wantsMore
    } ?? false
  }

  /// How many queues are read at a time.
  private static let mostAtATime = 8

  /// Reads several queues, some of them side by side: each takes a few round trips, whether or not anything lies in it. Returns
  /// what they gave in the order of the queues.
  private func sideBySide<Result: Sendable>(
    _ queues: [QueueName], _ read: @escaping @Sendable (QueueName) async throws(BrokerError) -> Result
  ) async throws(BrokerError) -> [Result] {
    try await asBrokerError("looking through \(queues.count) queues") {
      try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results = [Result?](repeating: nil, count: queues.count)
        // A task for each queue, of which the next begins when one of so many has ended.
        for (index, queue) in queues.enumerated() {
          if index >= Self.mostAtATime, let (done, result) = try await group.next() { results[done] = result }
          group.addTask { (index, try await read(queue)) }
        }
        for try await (done, result) in group { results[done] = result }
        return results.compactMap(\.self)
      }
    }
  }

  /// For each of these queues the one whose dead letters lie in it, when there is just one such queue.
  func origins(of holders: [QueueName]) async -> [QueueName: QueueName] {
    var origins: [QueueName: QueueName] = [:]
    for holder in holders { origins[holder] = known.origin(of: holder) }
    if holders.allSatisfy({ origins[$0] != nil }) { return origins }
    let shown = await session.management.queues() ?? []
    for holder in holders where origins[holder] == nil {
      let sources = shown.filter { $0.deadLetterQueues.contains(holder.rawValue) }
      if sources.count == 1 { origins[holder] = QueueName(sources[0].name) }
    }
    return origins
  }

  /// The queues that get copies of the same dead letters, because an exchange brings them to several.
  func holdersOfCopies() async -> Set<QueueName> {
    let shown = await session.management.queues() ?? []
    return Set(shown.map(\.deadLetterQueues).filter { $0.count > 1 }.joined().map { QueueName($0) })
  }

  /// The queues in which the selected dead letters may lie.
  func holders(
    for selection: DeadLetterSelection
  ) async throws(BrokerError) -> [QueueName] {
    if let queue = selection.queue { return [queue] }
    if let origin = selection.origin { return await holders(ofOrigin: origin) ?? [origin] }
    guard let named = selection.filter.queues else { return try await allHolders() }
    // Without the list, what was named is looked up by itself.
    let all = (try? await allHolders()) ?? []
    // Of a queue that holds dead letters those in it, of any other those that it gave up on.
    var some: Set<QueueName> = []
    for queue in named {
      if all.contains(queue) { some.insert(queue) } else { some.formUnion(await holders(ofOrigin: queue) ?? []) }
    }
    return some.sorted()
  }

  /// The queues in which the dead letters of another lie; `nil` when that is not known.
  private func holders(ofOrigin origin: QueueName) async -> [QueueName]? {
    if known.queues[origin] == nil,
      let shown = await session.management.queues()?.first(where: { $0.name == origin.rawValue }),
      !shown.deadLetterQueues.isEmpty
    {
      return shown.deadLetterQueues.map { QueueName($0) }
    }
    return known.deadLetterTarget(of: origin).map { [$0.queue] }
  }

  private func allHolders() async throws(BrokerError) -> [QueueName] {
    var names = Set(known.queues.values.compactMap { $0.deadLetter == nil ? $0.name : $0.deadLetter?.queue })
    let listed = await session.management.queues()
    if listed == nil, names.isEmpty {
      throw session.unlisted("queues of dead letters cannot be found; name one")
    }
    // No queue is touched that was not named, unless it is ours: declared by Warren, or in a topology that was applied.
    for queue in listed ?? [] where queue.holdsDeadLetters && queue.isOwnHolder { names.insert(QueueName(queue.name)) }
    return names.sorted()
  }
}
