internal import AMQP
internal import Foundation
internal import NIOCore
internal import Warren

/// Sends dead letters back to work, deletes and edits them.
struct DeadLetterWork: Sendable {
  let reader: DeadLetterReader
  let copies: CopyPublisher
  private var session: Session { reader.session }

  init(_ reader: DeadLetterReader, _ copies: CopyPublisher) {
    self.reader = reader
    self.copies = copies
  }

  /// Sends the selected dead letters back to the queues that gave up on them.
  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    let results = try await settle(selection) { chosen in
      let copied = chosen.map { letter, delivery in
        Copy(
          properties: self.propertiesOfReplay(letter, delivery), body: delivery.body,
          to: Destination(queue: letter.origin.rawValue))
      }
      return await copies.publish(copied)
    }
    let skipped = selection.after?.position ?? 0
    return ReplayReport(
      replayed: results.confirmed, stayed: results.unroutable,
      next: results.unroutable == 0 ? nil : .init(position: skipped + Int64(results.unroutable)))
  }

  /// Deletes the selected dead letters for good.
  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await settle(selection) { chosen in chosen.map { _ in .confirmed } }.confirmed
  }

  /// Publishes a changed copy of one dead letter to the queue that gave up on it, then removes the dead letter.
  func replace(
    _ id: MessageID, in queue: QueueName?, with edited: Message
  ) async throws(BrokerError) {
    guard let own = edited.id, own != id else {
      throw BrokerError(.invalid, "an edited copy is a new message: give it an id of its own")
    }
    let now = session.clock.now
    var copy = edited
    copy.headers[HeaderNames.editedFrom] = id.rawValue
    if let expiry = copy.expiresAt, expiry <= now { copy.expiresAt = nil }
    let edited = copy
    try Publication(edited, to: .queue("any")).validate()
    let results = try await settle(DeadLetterSelection(queue: queue, ids: [id], limit: 1)) { chosen in
      var edits: [Copy] = []
      for (letter, _) in chosen {
        var properties = edited.properties(now: now)
        var headers = properties.headers ?? [:]
        Route(exchange: letter.exchange?.rawValue ?? "", routingKey: letter.routingKey.rawValue).write(to: &headers)
        properties.headers = headers
        edits.append(
          Copy(
            properties: properties, body: ByteBuffer(bytes: edited.body),
            to: Destination(queue: letter.origin.rawValue)))
      }
      return await copies.publish(edits)
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
    _ work: @escaping @Sendable ([(DeadLetter, AMQPDelivery)]) async -> [CopyResult]
  ) async throws(BrokerError) -> (confirmed: Int, unroutable: Int) {
    var total = (confirmed: 0, unroutable: 0)
    var skipped = max(0, Int(clamping: selection.after?.position ?? 0))
    var left = max(0, selection.limit)
    for queue in try await reader.holders(for: selection) where left > 0 {
      let origin = reader.known.origin(of: queue)
      let (mostSkipped, mostTaken) = (skipped, left)
      let counts = try await reader.sweeping(queue) { sweep in
        var batch: [(DeadLetter, AMQPDelivery)] = []
        var counts = (skipped: 0, taken: 0, confirmed: 0, unroutable: 0)
        var failure: AMQPError?
        var staying: [AMQPDelivery] = []
        func finish() async {
          if batch.isEmpty { return }
          for ((_, delivery), result) in zip(batch, await work(batch)) {
            switch result {
            case .confirmed:
              if delivery.ack() == .accepted { counts.confirmed += 1 }
              continue
            case .unroutable: counts.unroutable += 1
            case .refused: failure = failure ?? AMQPError(.nacked, "The queue is full.")
            case .impossible(let error), .failed(let error): failure = failure ?? error
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
    if let expiry = letter.message.expiresAt, expiry <= session.clock.now {
      properties.headers?[HeaderNames.expiresAt] = nil
    }
    return properties
  }
}
