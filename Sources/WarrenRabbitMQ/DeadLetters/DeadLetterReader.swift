internal import AMQP
internal import Foundation
internal import Warren

/// Lists dead letters.
struct DeadLetterReader: Sendable {
  let session: Session
  let known: KnownTopology
  let locks: LocalLocks

  /// One page of dead letters, the oldest first. A sweep looks at no more than 100,000 messages of a queue. The cursor is
  /// the number of letters on the pages before, so it is off when letters come or go meanwhile.
  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    let begin = max(0, Int(clamping: selection.after?.position ?? 0))
    let end = begin + min(max(0, selection.limit), Limits.sweep)
    var letters: [DeadLetter] = []
    for queue in try await holders(for: selection) {
      let origin = known.origin(of: queue)
      letters +=
        try await sweeping(queue) { sweep in
          var found: [DeadLetter] = []
          try await sweep.run { delivery in
            // One more than the page tells that there is another.
            guard found.count <= end else { return true }
            var letter = DeadLetter(delivery, in: queue, origin: origin)
            if !selection.includesBodies { letter.message.body = Data() }
            if letter.fulfils(selection) { found.append(letter) }
            return true
          }
          return found
        } ?? []
    }
    // Equal times stay in the order of their queue.
    letters = letters.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    return DeadLetterPage(
      letters: Array(letters.dropFirst(begin).prefix(end - begin)),
      next: letters.count > end ? DeadLetterPage.Cursor(position: Int64(end)) : nil)
  }

  /// The queues in which the selected dead letters may lie.
  func holders(
    for selection: DeadLetterSelection
  ) async throws(BrokerError) -> [QueueName] {
    if let queue = selection.queue { return [queue] }
    if let origin = selection.origin {
      if known.queues[origin] == nil,
        let shown = await session.management.queues()?.first(where: { $0.name == origin.rawValue }),
        !shown.deadLetterQueues.isEmpty
      {
        return shown.deadLetterQueues.map { QueueName($0) }
      }
      return known.deadLetterTarget(of: origin).map { [$0.queue] } ?? [origin]
    }
    var names = Set(known.queues.values.compactMap { $0.deadLetter == nil ? $0.name : $0.deadLetter?.queue })
    let listed = await session.management.queues()
    if listed == nil, names.isEmpty {
      throw session.unlisted("queues of dead letters cannot be found; name one (--queue)")
    }
    for queue in listed ?? [] where queue.holdsDeadLetters { names.insert(QueueName(queue.name)) }
    return names.sorted()
  }
}
