internal import AMQP
internal import Foundation
internal import NIOCore
public import Warren

extension RabbitMQBroker: DeadLetterBroker {
  /// One page of dead letters, the oldest first. A sweep looks at no more than 100,000 messages of a queue. The cursor is
  /// the number of letters on the pages before, so it is off when letters come or go meanwhile.
  public func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    let session = try await session()
    let begin = max(0, Int(clamping: selection.after?.position ?? 0))
    let end = begin + min(max(0, selection.limit), Limits.sweep)
    var letters: [DeadLetter] = []
    for queue in try await holders(for: selection, session) {
      let origin = registry.origin(of: queue)
      letters +=
        try await sweeping(queue, session) { sweep in
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

  /// Sends the selected dead letters back to the queues that gave up on them.
  public func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    let results = try await settle(selection) { chosen, session in
      let copies = chosen.map { letter, delivery in
        (self.propertiesOfReplay(letter, delivery), delivery.body, Destination(queue: letter.origin.rawValue))
      }
      return await self.copy(copies, session)
    }
    let skipped = selection.after?.position ?? 0
    return ReplayReport(
      replayed: results.confirmed, stayed: results.unroutable,
      next: results.unroutable == 0 ? nil : .init(position: skipped + Int64(results.unroutable)))
  }

  /// Deletes the selected dead letters for good.
  public func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await settle(selection) { chosen, _ in chosen.map { _ in .confirmed } }.confirmed
  }

  /// Publishes a changed copy of one dead letter to the queue that gave up on it, then removes the dead letter.
  public func replace(
    _ id: MessageID, in queue: QueueName?, with edited: Message
  ) async throws(BrokerError) {
    guard let own = edited.id, own != id else {
      throw BrokerError(.invalid, "an edited copy is a new message: give it an id of its own")
    }
    let now = clock.now
    var copy = edited
    copy.headers[HeaderNames.editedFrom] = id.rawValue
    if let expiry = copy.expiresAt, expiry <= now { copy.expiresAt = nil }
    let edited = copy
    try Publication(edited, to: .queue("any")).validate()
    let results = try await settle(DeadLetterSelection(queue: queue, ids: [id], limit: 1)) { chosen, session in
      var copies: [(properties: AMQPProperties, body: ByteBuffer, to: Destination)] = []
      for (letter, _) in chosen {
        var properties = edited.properties(now: now)
        var headers = properties.headers ?? [:]
        Route(exchange: letter.exchange?.rawValue ?? "", routingKey: letter.routingKey.rawValue).write(to: &headers)
        properties.headers = headers
        copies.append((properties, ByteBuffer(bytes: edited.body), Destination(queue: letter.origin.rawValue)))
      }
      return await self.copy(copies, session)
    }
    if results.confirmed > 0 { return }
    if results.unroutable > 0 {
      throw BrokerError(
        .unroutable, "the queue that gave up on '\(id)' is gone, so the dead letter stays: declare it again")
    }
    throw BrokerError(.notFound, "there is no dead letter '\(id)'\(queue.map { " in '\($0)'" } ?? "")")
  }

  // MARK: Settling dead letters

  /// Selects dead letters and acknowledges those for which `work` confirms. What is not selected, or not confirmed, stays.
  private func settle(
    _ selection: DeadLetterSelection,
    _ work: @escaping @Sendable ([(DeadLetter, AMQPDelivery)], Session) async -> [CopyResult]
  ) async throws(BrokerError) -> (confirmed: Int, unroutable: Int) {
    let session = try await session()
    var total = (confirmed: 0, unroutable: 0)
    var skipped = max(0, Int(clamping: selection.after?.position ?? 0))
    var left = max(0, selection.limit)
    for queue in try await holders(for: selection, session) where left > 0 {
      let origin = registry.origin(of: queue)
      let (mostSkipped, mostTaken) = (skipped, left)
      let counts = try await sweeping(queue, session) { sweep in
        var batch: [(DeadLetter, AMQPDelivery)] = []
        var counts = (skipped: 0, taken: 0, confirmed: 0, unroutable: 0)
        var failure: AMQPError?
        var staying: [AMQPDelivery] = []
        func finish() async {
          if batch.isEmpty { return }
          for ((_, delivery), result) in zip(batch, await work(batch, session)) {
            switch result {
            case .confirmed:
              if delivery.ack() == .accepted { counts.confirmed += 1 }
              continue
            case .unroutable: counts.unroutable += 1
            case .refused: failure = failure ?? AMQPError(.nacked, "The queue is full.")
            case .failed(let error): failure = failure ?? error
            }
            staying.append(delivery)
          }
          batch = []
        }
        try await sweep.run { delivery in
          let letter = DeadLetter(delivery, in: queue, origin: origin)
          guard counts.taken < mostTaken, failure == nil, letter.fulfils(selection) else { return true }
          if counts.skipped < mostSkipped {
            counts.skipped += 1
            return true
          }
          counts.taken += 1
          batch.append((letter, delivery))
          if batch.count == 500 { await finish() }
          return false
        } finish: {
          await finish()
          return staying
        }
        if let failure, counts.confirmed == 0 { throw failure }
        return counts
      }
      guard let counts else { continue }
      skipped -= counts.skipped
      left -= counts.taken
      total.confirmed += counts.confirmed
      total.unroutable += counts.unroutable
    }
    return total
  }

  private func propertiesOfReplay(_ letter: DeadLetter, _ delivery: AMQPDelivery) -> AMQPProperties {
    var properties = delivery.propertiesOfCopy(
      letter.history.replayed(),
      route: Route(exchange: letter.exchange?.rawValue ?? "", routingKey: letter.routingKey.rawValue))
    // What a person sends back is to be handled, though it is late: a time that is over would park it again at once.
    if let expiry = letter.message.expiresAt, expiry <= clock.now { properties.headers?[HeaderNames.expiresAt] = nil }
    return properties
  }

  /// The queues in which the selected dead letters may lie.
  private func holders(
    for selection: DeadLetterSelection, _ session: Session
  ) async throws(BrokerError) -> [QueueName] {
    if let queue = selection.queue { return [queue] }
    if let origin = selection.origin {
      if registry.queues[origin] == nil,
        let shown = await management.queues()?.first(where: { $0.name == origin.rawValue }),
        !shown.deadLetterQueues.isEmpty
      {
        return shown.deadLetterQueues.map { QueueName($0) }
      }
      return registry.deadLetterTarget(of: origin).map { [$0.queue] } ?? [origin]
    }
    var names = Set(registry.queues.values.compactMap { $0.deadLetter == nil ? $0.name : $0.deadLetter?.queue })
    let listed = await management.queues()
    if listed == nil, names.isEmpty { throw unlisted("queues of dead letters cannot be found; name one (--queue)") }
    for queue in listed ?? [] where queue.holdsDeadLetters { names.insert(QueueName(queue.name)) }
    return names.sorted()
  }
}
