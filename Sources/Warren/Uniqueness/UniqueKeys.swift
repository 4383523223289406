internal import Foundation
internal import Logging

/// Keeps repeats of unique jobs out by a store, where the engine cannot: the publisher's side.
struct UniqueKeys: Sendable {
  let records: UniqueRecords
  let broker: any Broker
  let logger: Logger

  /// A job that the store has a number for, and that is to be published.
  private struct Marked: Sendable {
    var index: Int
    var publication: Publication
    /// `nil` for all that this is not for.
    var mark: UniqueMark?
    var queue: QueueName?
  }

  /// Whether one of them is unique in a way that the engine cannot do.
  func concerns(_ publications: [Publication]) -> Bool {
    guard publications.contains(where: { $0.unique != nil }) else { return false }
    let able = broker.capabilities.uniqueness
    return publications.contains { queue(of: $0, able) != nil }
  }

  private func queue(of publication: Publication, _ able: Set<Uniqueness.Repeat.Kind>) -> QueueName? {
    guard let unique = publication.unique, !able.contains(unique.onRepeat.kind) else { return nil }
    if case .queue(let queue) = publication.destination { return queue }
    return nil
  }

  /// Publishes by `send` what is no repeat, and notes what became of it. One result for each, in order.
  func publish(
    _ publications: [Publication],
    by send: @Sendable ([Publication]) async throws(BrokerError) -> [PublishResult]
  ) async throws(BrokerError) -> [PublishResult] {
    let able = broker.capabilities.uniqueness
    var results = [PublishResult?](repeating: nil, count: publications.count)
    var wanted: [Marked] = []
    for (index, publication) in publications.enumerated() {
      guard let queue = queue(of: publication, able), let unique = publication.unique else {
        wanted.append(Marked(index: index, publication: publication))
        continue
      }
      do throws(BrokerError) {
        if let marked = try await reserve(publication, unique, in: queue, at: index) {
          wanted.append(marked)
        } else {
          results[index] = .repeated
        }
      } catch {
        results[index] = .failed(error)
      }
    }
    let answers: [PublishResult]
    do {
      answers = wanted.isEmpty ? [] : try await send(wanted.map(\.publication))
    } catch {
      await note(wanted.map { ($0, .failed(error)) })
      throw error
    }
    await note(Array(zip(wanted, answers)))
    for (marked, answer) in zip(wanted, answers) { results[marked.index] = answer }
    return results.map { $0 ?? .failed(BrokerError(.unknownOutcome, "nothing is known of this message")) }
  }

  /// The job as it is to be published; `nil` when it is a repeat.
  private func reserve(
    _ publication: Publication, _ unique: Uniqueness, in queue: QueueName, at index: Int
  ) async throws(BrokerError) -> Marked? {
    // What no engine takes is to have no key.
    try publication.validate(uniqueness: [.keep, .replace, .debounce])
    let id = publication.message.id
    let due = publication.notBefore
    let reservation = try await records.change(unique.key, in: queue, isMade: true) { record, now in
      record.reserve(unique, id, due: due, now: now)
    }
    guard case .publish(let number, let notBefore)? = reservation else { return nil }
    let mark = UniqueMark(key: unique.key, number: number, window: unique.window)
    var publication = publication
    publication.unique = nil
    publication.notBefore = notBefore
    publication.message.headers[UniqueMark.header] = mark.text
    return Marked(index: index, publication: publication, mark: mark, queue: queue)
  }

  /// Notes what became of jobs, also when the caller's task was cancelled. What cannot be noted now is in doubt for a while, as after a
  /// process that died here.
  private func note(_ ends: [(Marked, PublishResult)]) async {
    let noted = ends.filter { $0.0.mark != nil }
    if noted.isEmpty { return }
    await uncancelled {
      for (marked, result) in noted {
        guard let mark = marked.mark, let queue = marked.queue else { continue }
        do throws(BrokerError) { try await note(result, of: mark, in: queue) } catch {
          logger.warning(
            "The store was not told what became of a unique job",
            metadata: ["queue": "\(queue)", "key": "\(mark.key)", "error": "\(error)"])
        }
      }
    }
  }

  private func note(_ result: PublishResult, of mark: UniqueMark, in queue: QueueName) async throws(BrokerError) {
    if result.error?.code == .unknownOutcome { return }
    _ = try await records.change(mark.key, in: queue, isMade: false) { record, _ in
      if result.isStored { record.note(stored: mark.number) } else { record.note(failed: mark.number) }
    }
  }
}
