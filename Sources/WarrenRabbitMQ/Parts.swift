internal import AMQP
internal import Foundation
internal import Logging
internal import Warren

/// The parts of a running engine, each with what it needs, and how they consume together. One object, because every call takes it
/// from the lifecycle, and a copy of all parts would cost more than the call.
final class Parts: Sendable {
  let session: Session
  let known: KnownTopology
  let consumers: RunningConsumers
  let topology: TopologyApplier
  let copies: CopyPublisher
  let publisher: Publisher
  let settler: Settler
  let leases: Leases
  let leaseWatch: LeaseWatch
  let locks: NamedLocks
  let reader: DeadLetterReader
  let deadLetterWork: DeadLetterWork
  let channel: ControlChannel
  let control: QueueControl
  let remover: Remover
  let inspector: Inspector
  let doctor: Doctor

  init(
    _ session: Session, _ known: KnownTopology, _ consumers: RunningConsumers, started: Date, processName: String
  ) {
    self.session = session
    self.known = known
    self.consumers = consumers
    locks = NamedLocks(session: session)
    topology = TopologyApplier(session: session, known: known, locks: locks)
    copies = CopyPublisher(session: session, known: known, topology: topology)
    publisher = Publisher(session: session, known: known, copies: copies)
    settler = Settler(session, known, topology, copies)
    leases = Leases(session: session, known: known)
    reader = DeadLetterReader(session: session, known: known, locks: locks)
    deadLetterWork = DeadLetterWork(reader, copies)
    leaseWatch = LeaseWatch(session, consumers, leases, settler)
    channel = ControlChannel(session: session)
    control = QueueControl(session: session, known: known, consumers: consumers, channel: channel)
    remover = Remover(session: session, known: known)
    inspector = Inspector(
      session: session, known: known, consumers: consumers, channel: channel, started: started, processName: processName
    )
    doctor = Doctor(
      session: session, known: known, inspector: inspector, topology: topology, leases: leases,
      limits: LimitCheck(session: session, known: known),
      rights: RightsCheck(session: session))
  }

  /// Takes deliveries from a queue while `body` runs. Beside the prefetch, one suspect of the queue may be out.
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    guard (1...65_535).contains(prefetch) else {
      throw BrokerError(.invalid, "the prefetch of the queue '\(queue)' is \(prefetch): it must be from 1 to 65535")
    }
    // What fails because the broker is away is left to the pumps, which try until they are told to end: a worker consumes from
    // all of its queues or says why not.
    if try await tried(queue, { () throws(BrokerError) in try await session.info(queue) != nil }) == false {
      throw BrokerError.missing(queue)
    }
    known.noteSeen(queue)
    let hasSuspects = known.deadLetterTarget(of: queue) != nil
    _ = try await tried(queue) { () throws(BrokerError) in
      if hasSuspects { try await topology.declareSuspects(of: queue) }
      try await topology.declareWayBack(to: queue)
    }
    let open = OpenDeliveries(id: consumers.nextID(), queue: queue)
    // One for the queue, and one for its suspects, of which one is out at a time.
    let pumps = (hasSuspects ? [false, true] : [false]).map { isForSuspects in
      QueuePump(
        session, open, hooks(of: queue), prefetch: isForSuspects ? 1 : prefetch, forSuspects: isForSuspects)
    }
    let (unwanted, mark) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let consumer = Consumer(
      queue: queue, prefetch: prefetch,
      onStop: { _ in
        for pump in pumps { pump.stop() }
        mark.yield()
      },
      onPause: { consumer, time in
        for pump in pumps { pump.followPause(of: consumer) }
        if time != nil { mark.yield() }
      },
      isHeld: { open.holds($0.number) })
    let running = RunningConsumer(open: open, pumps: pumps, consumer: consumer)
    // Paused until the marker could be looked at.
    await running.setPaused(true)
    consumers.add(running)
    defer { consumers.remove(running) }
    // Their own tasks, since a stop in good order has to go on after this one was cancelled. All of them are awaited below.
    let look = Task { await control.lookAtMarker(for: running) }
    let tasks = pumps.map { pump in Task { await pump.run(consumer) } }
    let takingBack = Task { for await _ in unwanted { await takeBack(from: running) } }
    let watch = Task {
      // The sequences of deliveries go on over the loss of a connection and do not tell of it.
      for await _ in session.consuming.states() { for pump in pumps { pump.dropLost(consumer) } }
    }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(consumer)) } catch { result = .failure(error) }
    consumer.stop()
    await uncancelled { [settler] in
      for pump in pumps { pump.end() }
      look.cancel()
      watch.cancel()
      await watch.value
      await look.value
      for task in tasks { await task.value }
      mark.finish()
      await takingBack.value
      await settler.giveBack(open.close(), of: queue)
      for pump in pumps { await pump.giveBackAndClose() }
    }
    return try result.get()
  }

  /// Returns what a consumer that was stopped or paused has not begun, once the broker sends nothing more: its handlers may run on
  /// for long.
  private func takeBack(from running: RunningConsumer) async {
    for pump in running.pumps { await pump.waitUntilQuiet() }
    // At its end everything goes back together.
    if running.pumps.contains(where: { $0.isWanted || $0.isEnded }) { return }
    await settler.giveBackUnbegun(running.open.takeUnbegun(running.consumer.revoke()), of: running.queue)
  }

  /// Does what other processes ask for, for as long as the connection lives.
  func listen() async {
    await channel.listen {
      await consumers.waitForAny()
    } began: {
      await control.lookAtMarkers(of: consumers.all)
    } _: { message in
      switch message.kind {
      case .look:
        await control.lookAtMarkers(of: message.queue.map { consumers.all(of: $0) } ?? consumers.all)
        return nil
      case .report: return inspector.report()
      case .cancel:
        guard let queue = message.queue, let id = message.message else { return nil }
        let count = control.cancelHandlers(of: id, in: queue)
        return count > 0 ? ControlAnswer(cancelled: count) : nil
      default: return nil
      }
    }
  }

  /// What it returns; `nil` when it failed in a way that passes.
  private func tried<Result: Sendable>(
    _ queue: QueueName, _ body: () async throws(BrokerError) -> Result
  ) async throws(BrokerError) -> Result? {
    do { return try await body() } catch  where error.isRetryable {
      session.logger.warning(
        "The broker is away while subscribing, will go on", metadata: ["queue": "\(queue)", "error": "\(error)"])
      return nil
    }
  }

  private func hooks(of queue: QueueName) -> QueuePump.Hooks {
    QueuePump.Hooks(
      arguments: { [leases] in leases.consumerArguments(of: queue) },
      putOff: { [settler] in await settler.putOff($0, until: $1) },
      redeclareSuspects: { [known, topology] in
        known.forgetSuspects(of: queue)
        try? await topology.declareSuspects(of: queue)
      }, noteInterruption: { [leases] in leases.noteTimeout($0, queue) })
  }
}
