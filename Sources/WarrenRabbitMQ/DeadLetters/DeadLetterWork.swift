internal import AMQP
internal import Foundation
internal import Logging
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

  /// Sends the selected dead letters back to the queues that gave up on them. One whose queue is gone or full, or that does not
  /// tell which it was, stays.
  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    let results = try await settle(selection) { chosen in
      await publish(chosen) { letter, delivery in propertiesOfReplay(letter, delivery) }
    }
    let skipped = selection.after?.position ?? 0
    return ReplayReport(
      replayed: results.confirmed, stayed: results.stayed,
      next: results.stayed == 0 ? nil : .init(position: skipped + Int64(results.stayed)))
  }

  /// Deletes the selected dead letters for good.
  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await settle(selection) { chosen in chosen.map { _ in .confirmed } }.acknowledged
  }

  /// Publishes a changed copy of one dead letter to the queue that gave up on it, then removes the dead letter.
  func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    let edited = try edited.replacing(id, now: session.clock.now)
    try Publication(edited, to: .queue("any")).validate()
    let results = try await settle(DeadLetterSelection(queue: queue, ids: [id], limit: 1)) { chosen in
      await publish(chosen, body: ByteBuffer(bytes: edited.body)) { letter, delivery in
        delivery.propertiesOfEdit(
          edited, route: Route(exchange: letter.exchange?.rawValue ?? "", routingKey: letter.routingKey.rawValue))
      }
    }
    if let error = results.obstacle(replacing: id, in: queue, by: edited.id ?? "") { throw error }
  }

  // MARK: Settling dead letters

  /// Publishes a copy of each to the queue that gave up on it.
  private func publish(
    _ chosen: [(DeadLetter, AMQPDelivery)], body: ByteBuffer? = nil,
    _ properties: (DeadLetter, AMQPDelivery) -> AMQPProperties
  ) async -> [CopyResult] {
    // A letter that tells no origin has its own queue for one, where a copy would lie as before.
    let known = chosen.indices.filter { chosen[$0].0.origin != chosen[$0].0.queue }
    let answers = await copies.publish(
      known.map { index in
        let (letter, delivery) = chosen[index]
        return Copy(
          properties: properties(letter, delivery), body: body ?? delivery.body,
          to: Destination(queue: letter.origin.rawValue))
      })
    var results = [CopyResult](repeating: .unroutable, count: chosen.count)
    for (index, answer) in zip(known, answers) { results[index] = answer }
    if known.count < chosen.count {
      session.logger.warning(
        "Dead letters stay that do not tell which queue gave up on them",
        metadata: ["count": "\(chosen.count - known.count)", "queue": "\(chosen[0].0.queue)"])
    }
    return results
  }

  /// What became of selected dead letters: for how many `work` confirmed, how many of those are gone from their queue, and how
  /// many stayed.
  struct Counts {
    var skipped = 0
    var taken = 0
    var confirmed = 0
    var acknowledged = 0
    var stayed = 0
    /// Those of which other queues may have a copy, and whether that is to go.
    var seen: [Parking: Bool] = [:]

    /// Why one dead letter was not replaced by a changed copy; `nil` when it was.
    func obstacle(replacing id: MessageID, in queue: QueueName?, by own: MessageID) -> BrokerError? {
      if acknowledged > 0 { return nil }
      if confirmed > 0 {
        return BrokerError(
          .unknownOutcome,
          "the edited copy '\(own)' was published, but the connection was lost before the dead letter '\(id)' was removed: "
            + "delete it")
      }
      if stayed > 0 { return BrokerError(noOriginOf: id) }
      return BrokerError(.notFound, "there is no dead letter '\(id)'\(queue.map { " in '\($0)'" } ?? "")")
    }
  }

  /// Selects dead letters and acknowledges those for which `work` confirms. What is not selected, or not confirmed, stays.
  private func settle(
    _ selection: DeadLetterSelection, _ work: @escaping @Sendable ([(DeadLetter, AMQPDelivery)]) async -> [CopyResult]
  ) async throws(BrokerError) -> Counts {
    var total = Counts()
    var skipped = max(0, Int(clamping: selection.after?.position ?? 0))
    var left = max(0, selection.limit)
    let holders = try await reader.holders(for: selection)
    // Of what was dealt with in one queue, a copy in another goes at once: the next call would take it for another letter.
    let sharing = holders.count > 1 ? await reader.holdersOfCopies() : []
    let origins = await reader.origins(of: holders)
    for queue in holders where left > 0 || (!total.seen.isEmpty && sharing.contains(queue)) {
      let origin = origins[queue]
      let (mostSkipped, mostTaken, before, seen) = (skipped, left, total.confirmed, total.seen)
      let isSharing = sharing.contains(queue)
      let counts = try await reader.sweeping(queue) { sweep in
        var batch: [(DeadLetter, AMQPDelivery)] = []
        var counts = Counts()
        var addresses = Addresses(queue)
        var failure: AMQPError?
        func finish() async {
          if batch.isEmpty { return }
          var confirmed: [AMQPDelivery] = []
          for ((letter, delivery), result) in zip(batch, await work(batch)) {
            let parking = isSharing ? Parking(letter) : nil
            switch result {
            case .confirmed:
              confirmed.append(delivery)
              if let parking { counts.seen[parking] = true }
            case .unroutable, .refused:
              counts.stayed += 1
              if let parking { counts.seen[parking] = false }
            case .impossible(let error), .failed(let error): failure = failure ?? error
            }
          }
          counts.confirmed += confirmed.count
          counts.acknowledged += sweep.channel.acknowledge(confirmed)
          batch = []
        }
        try await sweep.run(first: isSharing ? .max : min(mostTaken, 10_000)) { delivery in
          let letter = DeadLetter(delivery, in: queue, origin: origin, &addresses)
          guard letter.fulfils(selection) else { return true }
          if let isDone = Parking(letter).flatMap({ seen[$0] }) {
            if isDone { delivery.ack() }
            return true
          }
          if mostTaken == 0 { return true }
          if counts.skipped < mostSkipped {
            counts.skipped += 1
            return true
          }
          counts.taken += 1
          batch.append((letter, delivery))
          if batch.count == 500 { await finish() }
          return counts.taken < mostTaken && failure == nil
        } finish: {
          await finish()
        }
        if let failure {
          let done = before + counts.confirmed
          throw BrokerError(
            BrokerError(failure, doing: "").code,
            "\(done) dead letter\(done == 1 ? " was" : "s were") dealt with, then it failed: \(failure.replyText ?? failure.message). "
              + "The others stay: do it again for them", underlying: failure)
        }
        return counts
      }
      guard let counts else { continue }
      skipped -= counts.skipped
      left -= counts.taken
      total.confirmed += counts.confirmed
      total.acknowledged += counts.acknowledged
      total.stayed += counts.stayed
      total.seen.merge(counts.seen) { $1 }
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
