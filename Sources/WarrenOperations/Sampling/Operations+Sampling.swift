internal import Foundation
public import Warren

extension Operations {
  /// Of how many queues samples are kept: those that do and hold most.
  public static let sampledQueues = 1_000

  /// Whether there is a place in which samples of the queues are kept.
  public var keepsSamples: Bool { samples != nil }

  /// What a queue, or all of them together, did in the last day, the oldest first. A time without a sample is not known.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when there is no place in which samples are kept.
  public func samples(of queue: QueueName?) async throws(BrokerError) -> [QueueSample] {
    guard let samples else {
      throw BrokerError(
        .unsupported, "the engine \(broker.capabilities.engine) keeps no samples, and no file was given for them")
    }
    return try await samples.samples(of: queue)
  }

  /// Takes samples of all queues until the task is cancelled, as one process of all. What goes wrong is a gap in them.
  public func takeSamples() async {
    guard let samples, let inspectable = broker as? any InspectableBroker else { return }
    let clock = clock
    while !Task.isCancelled {
      try? await samples.whileSampling { try await Self.take(from: inspectable, into: samples, clock) }
      try? await clock.sleep(for: SampleRing.all.interval)
    }
  }

  private static func take(
    from broker: any InspectableBroker, into samples: any SampleStore, _ clock: any BrokerClock
  ) async throws {
    var (minutes, others) = (SampleTaker(.all), SampleTaker(.queue))
    var due = SampleRing.queue.next(after: .distantPast)
    while true {
      if let queues = try? await broker.queues() {
        let now = clock.now
        let all = SampleTaker.all(minutes.take(queues, at: now).values, at: now)
        var single: [QueueName: QueueSample] = [:]
        if now >= due {
          single = largest(others.take(queues, at: now))
          due = SampleRing.queue.next(after: now)
        }
        try? await samples.keep(all, single)
      }
      try await clock.sleep(until: SampleRing.all.next(after: clock.now))
    }
  }

  private static func largest(_ samples: [QueueName: QueueSample]) -> [QueueName: QueueSample] {
    if samples.count <= sampledQueues { return samples }
    func weight(_ sample: QueueSample) -> Double { (sample.published ?? 0) + Double(sample.depth ?? 0) }
    let chosen = samples.sorted { (weight($0.value), $1.key) > (weight($1.value), $0.key) }.prefix(sampledQueues)
    return Dictionary(uniqueKeysWithValues: chosen.map { ($0.key, $0.value) })
  }
}
