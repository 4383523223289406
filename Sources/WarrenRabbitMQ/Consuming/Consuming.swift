internal import AMQP
internal import Logging
internal import NIOCore
public import Warren

extension RabbitMQBroker {
  /// Takes deliveries from a queue while `body` runs. Beside the prefetch, one suspect of the queue may be out.
  public func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    guard (1...65_535).contains(prefetch) else {
      throw BrokerError(.invalid, "the prefetch of the queue '\(queue)' is \(prefetch): it must be from 1 to 65535")
    }
    let session = try await session()
    guard try await session.info(queue) != nil else {
      throw BrokerError(.notFound, "there is no queue '\(queue)': apply the topology that declares it first")
    }
    registry.noteSeen(queue)
    let scope = consumption.open(queue, prefetch: prefetch)
    defer { consumption.close(scope) }
    var lanes = [Lane(self, session, scope, prefetch: prefetch, forSuspects: false)]
    if registry.deadLetterTarget(of: queue) != nil {
      try await declareSuspects(of: queue, session)
      lanes.append(Lane(self, session, scope, prefetch: 1, forSuspects: true))
    }
    let isPaused = try await session.hasExchange(SystemNames.pauseMarker(of: queue))
    for lane in lanes {
      scope.add(lane)
      if isPaused { await lane.setPaused(true) }
    }
    // Its own tasks, since a stop in good order has to go on after this one was cancelled. All of them are awaited below.
    let running = lanes.map { lane in Task { await lane.run() } }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(scope.consumer)) } catch { result = .failure(error) }
    scope.consumer.stop()
    await uncancelled { [lanes] in
      for lane in lanes { await lane.end() }
      for task in running { await task.value }
      await self.giveBack(scope.close(), of: queue, session)
      for lane in lanes { await lane.giveBackAndClose() }
    }
    return try result.get()
  }

  /// Returns what nobody settled, where a nack counts as a delivery in vain: it returns as a copy, which counts nowhere.
  private func giveBack(_ all: [Held], of queue: QueueName, _ session: Session) async {
    let held = all.filter(\.delivery.isCurrent)
    if held.isEmpty || session.server.givesBackFreely { return }
    let results = await copy(
      held.map { one in
        (
          one.delivery.propertiesOfCopy(one.history, route: one.route), one.delivery.body,
          Destination(queue: one.lane.queue)
        )
      }, session, within: configuration.releaseDeadline)
    for (one, result) in zip(held, results) {
      if case .confirmed = result {
        one.delivery.ack()
      } else {
        logger.warning(
          "A message goes back uncopied, which counts as an interruption",
          metadata: ["queue": "\(queue)", "reason": "\(result)"])
      }
    }
  }
}
