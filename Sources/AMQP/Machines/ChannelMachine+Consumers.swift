import NIOCore

// How a channel's consumers begin, come back and end.
extension ChannelMachine {
  /// Adds a consumer. It is known before it is asked for: the first deliveries may come with the answer.
  mutating func add(
    _ consumer: Consumer, _ start: Request, now: NIODeadline, _ completions: inout Completions
  ) -> [Action] {
    if let refusal { return [.finish(start, .failure(refusal))] }
    if consumers[consumer.tag] != nil {
      // The broker would close the connection for it.
      let error = AMQPError(
        .invalidArgument, "The channel has a consumer of this tag already. Cancel it first, or choose another tag.")
      return [.finish(start, .failure(error))]
    }
    consumer.start = start
    consumers[consumer.tag] = consumer
    switch state {
    // It is brought back with the others, though it was never here.
    case .down, .opening, .closing, .closed: return []
    case .restoring:
      subscribe(consumer)
      return []
    case .ready:
      if isStuck(now) { return startAgain(&completions) }
      subscribe(consumer)
      return sendNext(now)
    }
  }

  /// Ends a consumer from this side. `request` is finished when the broker has agreed.
  ///
  /// The consumer is known until then, however long that takes: there may be deliveries under way.
  mutating func leave(_ consumer: Consumer, _ way: ConsumerLeave, _ request: Request?, now: NIODeadline) -> [Action] {
    let isOver =
      request.map { [Action.finish($0, .success(Request.Answer(method: .basicCancelOk(consumerTag: ""))))] } ?? []
    switch consumer.leave(way) {
    case .isOver: return isOver
    case .ended:
      if consumers[consumer.tag] === consumer { consumers[consumer.tag] = nil }
      return isOver + failStart(of: consumer, Self.consumerEnded)
    case .send(let waits):
      guard isOpen else { return isOver }
      requests.append(.basicCancel(consumerTag: consumer.tag, noWait: false), .cancel(consumer, waits ? request : nil))
      return (waits ? [] : isOver) + sendNext(now)
    }
  }

  /// Has the broker end a consumer that has ended here.
  mutating func cancelAtBroker(_ consumer: Consumer, now: NIODeadline) -> [Action] {
    guard isOpen else { return [] }
    requests.append(.basicCancel(consumerTag: consumer.tag, noWait: false), .cancel(consumer, nil))
    return sendNext(now)
  }

  /// The consumer that the broker is being asked for.
  var asked: Consumer? {
    guard case .basicConsume = requests.current?.request, case .consumer(let consumer) = requests.current?.asker else {
      return nil
    }
    return consumer
  }

  /// The broker closed the connection over a consumer: it is not asked for again, as no connection would stay.
  mutating func endConsumer(_ consumer: Consumer, _ error: AMQPError) -> [Action] {
    consumers[consumer.tag] = nil
    return failStart(of: consumer, error) + [.tell(consumer, .ended(.failure(error), keepsBuffer: false))]
  }

  /// The broker has forgotten the consumers: they come back with the channel, but for those whose end was under way.
  mutating func loseConsumers() -> [Action] {
    var actions: [Action] = []
    for consumer in consumers.values {
      if consumer.isLeaving {
        consumers[consumer.tag] = nil
        actions += failStart(of: consumer, Self.consumerEnded)
      }
      actions.append(.tell(consumer, .lost))
    }
    return actions
  }

  /// A consumer that will not begin.
  func failStart(of consumer: Consumer, _ error: AMQPError) -> [Action] {
    defer { consumer.start = nil }
    return consumer.start.map { [.finish($0, .failure(error))] } ?? []
  }

  private static var consumerEnded: AMQPError {
    AMQPError(.channelClosed, "The consumer was ended before it began: consume again.", isRetryable: true)
  }
}
