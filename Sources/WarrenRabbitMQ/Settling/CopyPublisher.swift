internal import AMQP
internal import Foundation
internal import NIOCore
internal import Warren

/// Where a copy is to come out, and when.
struct Destination: Sendable {
  /// The queue.
  var queue: String
  /// Not before this time; `nil`: at once.
  var notBefore: Date?
}

/// What became of a copy.
enum CopyResult: Sendable {
  /// It is durable where it should be.
  case confirmed
  /// There is no such queue or exchange, so it is nowhere.
  case unroutable
  /// The queue refused it: it is full.
  case refused
  /// Not now, or nobody knows: the same can be tried again.
  case failed(AMQPError)
}

/// Publishes the copies by which messages change their place: retries, delays, dead letters that go back to work.
struct CopyPublisher: Sendable {
  let session: Session
  let known: KnownTopology
  let topology: TopologyApplier

  /// Publishes copies, through delay buckets where they have time; one result for each.
  func publish(
    _ copies: [(properties: AMQPProperties, body: ByteBuffer, to: Destination)],
    within deadline: Duration? = nil
  ) async -> [CopyResult] {
    var messages: [AMQPMessage] = []
    var buckets: [Int?] = []
    for copy in copies {
      do throws(BrokerError) {
        let (message, bucket) = try await message(copy.properties, copy.body, copy.to)
        messages.append(message)
        buckets.append(bucket)
      } catch {
        let cause = error.underlying as? AMQPError
        return copies.map { _ in .failed(cause ?? AMQPError(.replyTimeout, error.message)) }
      }
    }
    let results = await session.copyChannel.publish(
      messages, timeout: deadline ?? session.configuration.publishDeadline)
    return zip(results, buckets).map { result, bucket in
      switch result {
      case .confirmed: return .confirmed
      case .nacked: return .refused
      case .unroutable:
        guard let bucket else { return .unroutable }
        // Somebody deleted the bucket: the next try declares it again.
        known.forget(bucket: bucket)
        return .failed(AMQPError(.unroutable, "The delay bucket is gone."))
      case .unknown(let error), .notSent(let error):
        // Without a bucket it was another message's exchange that is missing: the default one always exists.
        if error.replyCode == 404, let bucket { known.forget(bucket: bucket) }
        return .failed(error)
      }
    }
  }

  /// The same, and what is refused is tried again for as long as a publish may take: a bucket that several connections declare
  /// at once refuses what comes in its first moments.
  func publishPatiently(
    _ copies: [(properties: AMQPProperties, body: ByteBuffer, to: Destination)]
  ) async -> [CopyResult] {
    let end = ContinuousClock.now + session.configuration.publishDeadline
    var results = await publish(copies)
    var pause = Duration.milliseconds(10)
    while true {
      let refused = results.indices.filter { if case .refused = results[$0] { true } else { false } }
      if refused.isEmpty || ContinuousClock.now + pause > end || Task.isCancelled { return results }
      try? await Task.sleep(for: pause)
      pause = min(pause * 2, .seconds(1))
      for (index, result) in zip(refused, await publish(refused.map { copies[$0] })) { results[index] = result }
    }
  }

  /// The AMQP message of a copy, and the bucket that it goes into first.
  private func message(
    _ properties: AMQPProperties, _ body: ByteBuffer, _ destination: Destination
  ) async throws(BrokerError) -> (AMQPMessage, Int?) {
    let wait = destination.notBefore.map { Delays.milliseconds(from: session.clock.now, until: $0) } ?? 0
    guard wait > 0, let due = destination.notBefore else {
      return (AMQPMessage(routingKey: destination.queue, properties: properties, body: body), nil)
    }
    let (bucket, isEarly) = Delays.bucket(for: wait)
    try await topology.declareBucket(bucket)
    var properties = properties
    if isEarly {
      var headers = properties.headers ?? [:]
      // Up, or the last hop could let it out a fraction of a millisecond early.
      headers[HeaderNames.due] = .int64(due.millisecondsRoundedUp)
      properties.headers = headers
    }
    let name = SystemNames.bucket(bucket)
    return (AMQPMessage(exchange: name, routingKey: destination.queue, properties: properties, body: body), bucket)
  }
}
