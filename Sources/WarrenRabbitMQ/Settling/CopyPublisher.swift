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
  /// Whether it may come up to a quarter of its delay late, as a retry may.
  var mayBeLate = false
}

/// A message to be copied.
struct Copy: Sendable {
  var properties: AMQPProperties
  var body: ByteBuffer
  var to: Destination
}

/// What became of a copy.
enum CopyResult: Sendable {
  /// It is durable where it should be.
  case confirmed
  /// There is no such queue or exchange, so it is nowhere.
  case unroutable
  /// The queue refused it: it is full.
  case refused
  /// The broker never takes it: it is too large.
  case impossible(AMQPError)
  /// Not now, or with an unknown outcome: the same can be tried again.
  case failed(AMQPError)
}

/// Publishes the copies by which messages change their place: retries, delays, dead letters that go back to work.
struct CopyPublisher: Sendable {
  let session: Session
  let known: KnownTopology
  let topology: TopologyApplier

  /// Publishes copies, through delay buckets where they have time; one result for each. `now` is when their delays begin:
  /// declaring a bucket takes a moment, and all of a batch are to go the same, shortest way.
  func publish(_ copies: [Copy], now: Date? = nil, within deadline: Duration? = nil) async -> [CopyResult] {
    let now = now ?? session.clock.now
    var ways: [Way] = []
    for copy in copies {
      do throws(BrokerError) { ways.append(try await way(of: copy, now)) } catch {
        let cause = error.underlying as? AMQPError ?? AMQPError(.replyTimeout, error.message)
        return copies.map { _ in .failed(cause) }
      }
    }
    let results = await session.publish(
      ways.map(\.message), on: session.copyChannel, timeout: deadline ?? session.configuration.publishDeadline)
    return zip(results, ways).map(result)
  }

  /// The same, and what is refused is tried again for as long as a publish may take: a bucket that several connections declare
  /// at once refuses what comes in its first moments.
  func publishPatiently(_ copies: [Copy], now: Date) async -> [CopyResult] {
    let end = ContinuousClock.now + session.configuration.publishDeadline
    var results = await publish(copies, now: now)
    var pause = Duration.milliseconds(10)
    while true {
      let refused = results.indices.filter { if case .refused = results[$0] { true } else { false } }
      if refused.isEmpty || ContinuousClock.now + pause > end || Task.isCancelled { return results }
      try? await Task.sleep(for: pause)
      pause = min(pause * 2, .seconds(1))
      let again = await publish(refused.map { copies[$0] }, now: now)
      for (index, result) in zip(refused, again) { results[index] = result }
    }
  }

  /// The AMQP message of a copy, and what is on its way to the queue.
  private struct Way {
    var message: AMQPMessage
    var bucket: DelayBucket?
    var relayed: String?
  }

  private func way(of copy: Copy, _ now: Date) async throws(BrokerError) -> Way {
    let wait = copy.to.notBefore.map { Delays.milliseconds(from: now, until: $0) } ?? 0
    guard wait > 0, let due = copy.to.notBefore else {
      return Way(message: AMQPMessage(routingKey: copy.to.queue, properties: copy.properties, body: copy.body))
    }
    let isHigh = session.server.priorityHoldsBackExpiry && (copy.properties.priority ?? 0) >= 5
    let wanted = DelayBucket(
      milliseconds: Delays.bucket(for: wait, mayBeLate: copy.to.mayBeLate).bucket, isForHighPriority: isHigh)
    let bucket = try await declared(wanted)
    let relayed = try await declaredRelay(of: copy.to.queue)
    var properties = copy.properties
    var headers = properties.headers ?? [:]
    // Always: a policy can let a message out before the bucket would. Up, or the last hop could come a fraction of a
    // millisecond early.
    headers[HeaderNames.due] = .int64(due.millisecondsRoundedUp)
    properties.headers = headers
    return Way(
      message: AMQPMessage(
        exchange: SystemNames.bucket(bucket),
        routingKey: relayed == nil ? copy.to.queue : SystemNames.relay(of: copy.to.queue), properties: properties,
        body: copy.body), bucket: bucket, relayed: relayed)
  }

  /// The bucket, or where it cannot be declared (no permission, no room for another queue) a shorter one that is there: the
  /// message comes by early and is put off again.
  private func declared(_ bucket: DelayBucket) async throws(BrokerError) -> DelayBucket {
    do { try await topology.declareBucket(bucket) } catch {
      guard !error.isRetryable, let shorter = known.bucket(notLongerThan: bucket) else { throw error }
      return shorter
    }
    return bucket
  }

  /// The queue, when it has a relay; `nil` where none may be declared.
  private func declaredRelay(of queue: String) async throws(BrokerError) -> String? {
    do { try await topology.declareRelay(of: queue) } catch {
      if error.isRetryable { throw error }
      return nil
    }
    return queue
  }

  private func result(_ result: AMQPPublishResult, _ way: Way) -> CopyResult {
    switch result {
    case .confirmed: return .confirmed
    case .nacked: return .refused
    case .unroutable:
      guard let bucket = way.bucket else { return .unroutable }
      // The bucket was deleted: the next try declares it again.
      known.forget(bucket: bucket)
      return .failed(AMQPError(.unroutable, "The delay bucket is gone."))
    case .unknown(let error), .notSent(let error):
      if error.code == .messageTooLarge || error.code == .invalidArgument { return .impossible(error) }
      // Another message on the channel may have been the one that is too large.
      if let largest = error.largestBody, way.message.body.readableBytes > largest { return .impossible(error) }
      // Without a bucket it was another message's exchange that is missing: the default one always exists.
      if error.replyCode == 404, let bucket = way.bucket { known.forget(bucket: bucket) }
      return .failed(error)
    }
  }
}
