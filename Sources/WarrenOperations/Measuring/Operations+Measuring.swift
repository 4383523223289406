internal import Foundation
internal import Warren

extension Operations {
  /// Measures the broker with messages of its own, in a queue that is made for it and deleted at the end.
  ///
  /// What is measured is the engine as this process reaches it: no decoding, no handler. When the deadline or a cancellation ends
  /// it early, the report says what was missing.
  ///
  /// - Parameter progress: is told how many were handled so far.
  /// - Throws: ``Warren/BrokerError/Code/invalid`` for a plan that cannot be.
  public func measure(
    _ plan: MeasurementPlan, progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws -> Measurement {
    guard plan.messages > 0, plan.batch > 0, plan.concurrency > 0, plan.samples >= 0, plan.size >= 8 else {
      throw BrokerError(.invalid, "a measurement needs messages of 8 bytes or more, and one or more of everything else")
    }
    let deleting = try removing
    let queue = Queue.deadLetters(QueueName("bench-\(MessageID.unique())"))
    let topology = try Topology(queues: [queue])
    return try await audited("bench", queue: queue.name, count: plan.messages + plan.samples) {
      () async throws(BrokerError) -> Result<Measurement, any Error> in
      try await broker.apply(topology)
      let result = await Measuring(broker, queue.name, plan, progress).result()
      // Its consumers are gone, and where the engine takes a moment to see that, it is asked again.
      try await Self.delete(queue.name, deleting)
      return result
    }.get()
  }

  private static func delete(_ queue: QueueName, _ broker: any RemovingBroker) async throws(BrokerError) {
    // The queue is to go when the measurement was cancelled, too.
    let failure = await uncancelled { () -> BrokerError? in
      for _ in 0..<50 {
        do throws(BrokerError) {
          _ = try await broker.deleteQueue(queue, withMessages: true)
          return nil
        } catch {
          if error.code == .notFound { return nil }
          guard error.code == .inUse else { return error }
        }
        // An engine tells of no consumer that is gone.
        try? await Task.sleep(for: .milliseconds(100))
      }
      return BrokerError(.inUse, "the queue '\(queue)' was left behind, since it still has a consumer: delete it later")
    }
    if let failure { throw failure }
  }
}

/// One measurement.
private struct Measuring {
  let broker: any Broker
  let queue: QueueName
  let plan: MeasurementPlan
  let progress: @Sendable (Int) -> Void
  let tally: Tally

  init(_ broker: any Broker, _ queue: QueueName, _ plan: MeasurementPlan, _ progress: @escaping @Sendable (Int) -> Void)
  {
    self.broker = broker
    self.queue = queue
    self.plan = plan
    self.progress = progress
    tally = Tally(messages: plan.messages, samples: plan.samples)
  }

  func result() async -> Result<Measurement, any Error> {
    do {
      let prefetch = min(1000, max(plan.concurrency * 4, 1))
      return .success(
        try await broker.consume(queue, prefetch: prefetch) { consumer in
          await withTaskGroup(of: Void.self) { group in
            for _ in 0..<plan.concurrency { group.addTask { await handle(consumer) } }
            group.addTask {
              try? await Task.sleep(for: plan.deadline)
              await tally.giveUp()
              consumer.stop()
            }
            let measurement = await measure()
            consumer.stop()
            group.cancelAll()
            await group.waitForAll()
            return measurement
          }
        })
    } catch { return .failure(error) }
  }

  private func handle(_ consumer: Consumer) async {
    while let delivery = await consumer.next() {
      let time = ContinuousClock.now
      if case .settled? = try? await broker.settle(delivery, as: .complete) {
        await tally.note(Self.number(in: delivery.message.body), at: time)
      }
    }
  }

  private func measure() async -> Measurement {
    let start = ContinuousClock.now
    let next = Numbers(to: plan.messages)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<plan.concurrency { group.addTask { await publish(next, until: start + plan.deadline) } }
    }
    let publishing = ContinuousClock.now - start
    let published = await tally.published
    await progressed(to: published, until: start + plan.deadline)
    let handling = ContinuousClock.now - start
    let handledOfThem = await tally.handled
    var times: [Double] = []
    for number in plan.messages..<(plan.messages + plan.samples) {
      if Task.isCancelled || ContinuousClock.now - start > plan.deadline { break }
      let sent = ContinuousClock.now
      guard await store([number]) == 1, let handled = await tally.time(of: number) else { break }
      times.append((handled - sent) / .milliseconds(1))
    }
    let all = await tally.published
    let handled = await tally.handled
    return Measurement(
      engine: broker.capabilities.engine, published: all, handled: handled, repeated: await tally.repeated,
      lost: max(0, all - handled), publishedPerSecond: Double(published) / max(publishing / .seconds(1), 0.001),
      handledPerSecond: Double(handledOfThem) / max(handling / .seconds(1), 0.001), latency: .init(of: times))
  }

  /// Returns when so many were handled. It looks now and then, since a handler that had to wake it would make what is measured
  /// slower.
  private func progressed(to count: Int, until end: ContinuousClock.Instant) async {
    while ContinuousClock.now < end, !Task.isCancelled {
      let handled = await tally.handled
      progress(handled)
      if handled >= count { return }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  private func publish(_ next: Numbers, until end: ContinuousClock.Instant) async {
    while ContinuousClock.now < end, !Task.isCancelled, let numbers = await next.take(plan.batch) {
      _ = await store(Array(numbers))
      progress(await tally.handled)
    }
  }

  /// How many of them were stored.
  private func store(_ numbers: [Int]) async -> Int {
    let publications = numbers.map { number in
      Publication(
        Message(
          id: .unique(), name: "warren.bench", body: Self.body(number, plan.size), timestamp: broker.clock.now,
          source: "bench"), to: .queue(queue))
    }
    let results = (try? await broker.publish(publications)) ?? []
    let count = results.count(where: \.isStored)
    await tally.store(count)
    return count
  }

  private static func body(_ number: Int, _ size: Int) -> Data {
    withUnsafeBytes(of: UInt64(number).bigEndian) { Data($0) } + Data(repeating: 0x20, count: size - 8)
  }

  private static func number(in body: Data) -> Int {
    guard body.count >= 8 else { return -1 }
    return Int(clamping: body.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}
