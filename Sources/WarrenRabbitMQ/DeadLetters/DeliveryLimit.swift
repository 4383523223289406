internal import AMQP
internal import Warren

extension DeadLetterReader {
  /// How many deliveries a queue grants a message before it loses it; `nil`: any number. Of its argument and the policies the
  /// lowest counts.
  ///
  /// - Throws: ``BrokerError/Code/unsupported`` when that cannot be told.
  func deliveryLimit(of queue: QueueName) async throws(BrokerError) -> Int? {
    // A management API that is busy answers after a while.
    for pause in [Duration.seconds(1), .seconds(3), .seconds(5), .zero] {
      if let shown = await session.management.queue(queue.rawValue) {
        if shown.kind == "stream" {
          throw BrokerError(
            .unsupported,
            "'\(queue)' is a stream: nothing is taken out of it, so it holds no dead letters. Read it with a stream client"
          )
        }
        return shown.deliveryLimit(session.server)
      }
      if known.queues[queue]?.isAdopted == false || pause == .zero { break }
      try? await Task.sleep(for: pause)
    }
    if let own = known.queues[queue], !own.isAdopted { return Int(Arguments.deliveryLimitOfDeadLetters) }
    // A declaration of what is there only compares.
    let arguments = try Arguments.of(.deadLetters(queue))
    do {
      try await session.onThrowawayChannel("comparing the queue '\(queue)'") {
        _ = try await $0.declareQueue(queue.rawValue, arguments: arguments)
      }
    } catch {
      if error.code != .topologyConflict, error.code != .invalid { throw error }
      // Before 4.0 a queue has no limit by default.
      if !session.server.limitsDeliveriesByDefault { return nil }
      throw session.unlisted(
        "whether a look at '\(queue)' would lose its messages cannot be told, as Warren did not declare it")
    }
    return Int(Arguments.deliveryLimitOfDeadLetters)
  }
}

extension ManagementAPI.QueueInfo {
  /// See ``DeadLetterReader/deliveryLimit(of:)``.
  func deliveryLimit(_ server: Server) -> Int? {
    guard kind == "quorum" else { return nil }
    let limits = [arguments?["x-delivery-limit"]?.text, policy("delivery-limit")].compactMap { $0.flatMap { Int($0) } }
    // Below 0 there is no limit from 4.0 on, and before that none is left.
    let effective = limits.map { $0 >= 0 ? $0 : server.limitsDeliveriesByDefault ? .max : 0 }.min()
    return effective ?? (server.limitsDeliveriesByDefault ? 20 : nil)
  }
}
