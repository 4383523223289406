import NIOCore
import Testing

@testable import AMQP

/// Each transition of a channel, without a socket.
@Suite("Channel machine")
struct ChannelMachineTests {
  typealias Consumer = NotedConsumer
  typealias Machine = ChannelMachine<NotedConsumer>
  typealias Shell = ChannelShell
  typealias Outcome = RequestOutcome

  static let declare = Method.queueDeclare(QueueDeclare(queue: "q"))
  static let declared = Method.queueDeclareOk(queue: "q", messages: 0, consumers: 0)
  private static let refusal = CloseReason(replyCode: 404, replyText: "NOT_FOUND - no queue", classID: 60, methodID: 20)

  @Test("Requests wait until the channel is open, and then go one by one")
  func opening() throws {
    var shell = Shell()
    let ready = Outcome()
    shell.run(shell.machine.waitUntilReady(ready.request))
    let first = shell.submit(Self.declare)
    let second = shell.submit(Self.declare)
    #expect(shell.sent.isEmpty)
    shell.open()
    #expect(shell.sent == [.channelOpen])
    #expect(ready.isOpen)
    try shell.receive(.channelOpenOk)
    #expect(!ready.isOpen)
    #expect(shell.sent == [.channelOpen, Self.declare])
    try shell.receive(Self.declared)
    #expect(first.method == Self.declared)
    #expect(second.isOpen)
    #expect(shell.sent.count == 3)
    #expect(throws: WireError.self) { try shell.receive(.basicQosOk) }
  }

  @Test("Channel.open without an answer leaves its number to rest, and is tried again")
  func unansweredOpen() throws {
    var shell = Shell()
    shell.open()
    shell.run(shell.machine.openingTimedOut())
    #expect(shell.abandoned == [.opening])
    #expect(shell.pauses == [1])
    try shell.becomeReady()
    shell.run(shell.machine.openingTimedOut())
    #expect(shell.machine.isReady)
  }

  @Test("A request that is given up keeps its place until its answer comes")
  func givenUp() throws {
    var shell = Shell()
    try shell.becomeReady()
    let first = shell.submit(Self.declare)
    let late = AMQPError(.replyTimeout, "late")
    shell.now = shell.now + .seconds(30)
    shell.run(shell.machine.giveUp(first.request, late, now: shell.now, &shell.completions))
    #expect(first.code == .replyTimeout)
    #expect(shell.watches == 1)
    let second = shell.submit(.queuePurge(queue: "q", noWait: false))
    #expect(shell.sent == [Self.declare])
    try shell.receive(Self.declared)
    #expect(shell.sent.count == 2)
    shell.run(shell.machine.answerIsOverdue(now: shell.now + .seconds(15), &shell.completions))
    #expect(second.isOpen && shell.machine.isReady)
    try shell.receive(.queuePurgeOk(messages: 1))
    #expect(second.method == .queuePurgeOk(messages: 1))
    #expect(first.results.count == 1)
  }

  @Test("Behind an answer that is long overdue the channel starts again on another number", arguments: 0..<4)
  func stuck(how: Int) throws {
    var shell = Shell()
    try shell.becomeReady()
    let first = shell.submit(Self.declare)
    let second = shell.submit(.queuePurge(queue: "q", noWait: false))
    let late = AMQPError(.replyTimeout, "late")
    let consumer = Consumer("tag")
    var start: Outcome?
    shell.now = shell.now + .seconds(30)
    shell.run(shell.machine.giveUp(first.request, late, now: shell.now, &shell.completions))
    // Not yet, but soon: it is looked at again.
    shell.run(shell.machine.answerIsOverdue(now: shell.now + .seconds(5), &shell.completions))
    #expect(shell.machine.isReady && shell.watches == 2)
    shell.now = shell.now + .seconds(15)
    switch how {
    case 0: shell.run(shell.machine.answerIsOverdue(now: shell.now, &shell.completions))
    case 1: shell.run(shell.machine.giveUp(second.request, late, now: shell.now, &shell.completions))
    case 2: _ = shell.submit(Self.declare)
    default: start = shell.add(consumer)
    }
    #expect(shell.abandoned == [.closing])
    #expect(shell.sent.suffix(2) == [.channelClose(.normal), .channelOpen])
    try shell.receive(.channelOpenOk)
    if start != nil {
      try shell.receive(.basicQosOk)
      try shell.receive(.basicConsumeOk(consumerTag: "tag"))
      #expect(start?.isOpen == false)
    }
    if how == 1 {
      #expect(second.code == .replyTimeout)
    } else {
      try shell.receive(.queuePurgeOk(messages: 1))
      #expect(second.method == .queuePurgeOk(messages: 1))
    }
  }

  @Test("Qos and consume are one step, and each consumer has its own prefetch")
  func consumers() throws {
    var shell = Shell()
    try shell.becomeReady()
    let one = Consumer("one")
    let two = Consumer("two")
    let first = shell.add(one)
    let second = shell.add(two)
    let qos = Method.basicQos(prefetchSize: 0, prefetchCount: 10, global: false)
    #expect(shell.sent == [qos])
    try shell.receive(.basicQosOk)
    #expect(shell.sent == [qos, .basicConsume(one.request)])
    try shell.receive(.basicConsumeOk(consumerTag: "one"))
    #expect(first.method == .basicConsumeOk(consumerTag: "one"))
    #expect(second.isOpen)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "two"))
    #expect(!second.isOpen)
    #expect(shell.add(Consumer("two")).code == .invalidArgument)
  }

  @Test("A consumer that is ended is known until the broker agrees")
  func leaving() throws {
    var shell = Shell()
    try shell.becomeReady()
    let consumer = Consumer("tag")
    _ = shell.add(consumer)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "tag"))
    let left = Outcome()
    shell.run(shell.machine.leave(consumer, .cancel, left.request, now: shell.now))
    #expect(shell.sent.last == .basicCancel(consumerTag: "tag", noWait: false))
    #expect(left.isOpen)
    let delivery = BasicDeliver(consumerTag: "tag", deliveryTag: 1, redelivered: false, exchange: "", routingKey: "")
    guard case .delivery(let found) = try shell.machine.delivered(delivery, isReadable: true) else {
      return fail("the delivery is lost")
    }
    #expect(found === consumer)
    try shell.receive(.basicCancelOk(consumerTag: "tag"))
    #expect(!left.isOpen)
    #expect(consumer.end != nil)
    #expect(shell.machine.consumers.isEmpty)
    #expect(throws: WireError.self) { _ = try shell.machine.delivered(delivery, isReadable: true) }
  }

  @Test("A start that is given up is cancelled behind its answer; one that was not sent is forgotten")
  func givenUpStart() throws {
    var shell = Shell()
    let cancelled = AMQPError(.cancelled, "cancelled")
    let early = Consumer("early")
    let never = shell.add(early)
    shell.run(shell.machine.giveUp(never.request, cancelled, now: shell.now, &shell.completions))
    #expect(never.code == .cancelled)
    #expect(shell.machine.consumers.isEmpty)
    try shell.becomeReady()
    let consumer = Consumer("tag")
    let start = shell.add(consumer)
    shell.run(shell.machine.giveUp(start.request, cancelled, now: shell.now, &shell.completions))
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "tag"))
    #expect(shell.sent.last == .basicCancel(consumerTag: "tag", noWait: false))
    try shell.receive(.basicCancelOk(consumerTag: "tag"))
    #expect(shell.machine.consumers.isEmpty)
    #expect(start.results.count == 1)
  }

  @Test("Consumers come back before anything else, one after the other")
  func restoring() throws {
    var shell = Shell()
    try shell.becomeReady()
    for tag in ["a", "b"] {
      _ = shell.add(Consumer(tag))
      try shell.receive(.basicQosOk)
      try shell.receive(.basicConsumeOk(consumerTag: tag))
    }
    shell.lose()
    #expect(shell.machine.consumers.count == 2)
    let request = shell.submit(Self.declare)
    shell.sent = []
    shell.open()
    try shell.receive(.channelOpenOk)
    for tag in ["a", "b"] {
      #expect(!shell.machine.isReady)
      try shell.receive(.basicQosOk)
      try shell.receive(.basicConsumeOk(consumerTag: tag))
    }
    #expect(shell.machine.isReady)
    #expect(shell.sent.last == Self.declare)
    try shell.receive(Self.declared)
    #expect(!request.isOpen)
  }

  /// A channel with two consumers, of which the first is being brought back.
  private func restoringTwo() throws -> (Shell, Consumer, Consumer) {
    var shell = Shell()
    try shell.becomeReady()
    let consumers = [Consumer("a"), Consumer("b")]
    for consumer in consumers {
      _ = shell.add(consumer)
      try shell.receive(.basicQosOk)
      try shell.receive(.basicConsumeOk(consumerTag: consumer.tag))
    }
    shell.lose()
    shell.open()
    try shell.receive(.channelOpenOk)
    try shell.receive(.basicQosOk)
    shell.sent = []
    return (shell, consumers[0], consumers[1])
  }

  @Test(
    "A refusal that passes is waited for, with pauses that grow",
    arguments: [
      (403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"), (405, "RESOURCE_LOCKED"),
      (404, "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor"),
    ] as [(UInt16, String)])
  func passing(_ code: UInt16, _ text: String) throws {
    var (shell, one, two) = try restoringTwo()
    let reason = CloseReason(replyCode: code, replyText: text, classID: 60, methodID: 20)
    for attempt in 1...3 {
      try shell.receive(.channelClose(reason))
      #expect(shell.pauses.count == attempt)
      #expect(shell.pauses.last == attempt)
      #expect(shell.sent.last == .channelCloseOk)
      shell.open()
      try shell.receive(.channelOpenOk)
      try shell.receive(.basicQosOk)
    }
    #expect(one.end == nil && two.end == nil)
    try shell.receive(.basicConsumeOk(consumerTag: "a"))
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "b"))
    #expect(shell.machine.isReady)
  }

  @Test("A refusal that stays ends the consumer it is about, and the others come back")
  func staying() throws {
    var (shell, one, two) = try restoringTwo()
    try shell.receive(.channelClose(Self.refusal))
    #expect(throws: AMQPError.self) { try one.end?.get() }
    #expect(two.end == nil)
    #expect(shell.sent == [.channelCloseOk, .channelOpen])
    try shell.receive(.channelOpenOk)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "b"))
    #expect(shell.machine.isReady)
  }

  @Test(
    "The broker closes a channel that is ready: all that was sent fails, and it opens again", arguments: [true, false])
  func serverCloses(reopens: Bool) throws {
    var shell = Shell(.init(reopens: reopens))
    try shell.becomeReady()
    let consumer = Consumer("a")
    _ = shell.add(consumer)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "a"))
    let first = shell.submit(Self.declare)
    let second = shell.submit(Self.declare)
    let generation = shell.machine.ledger.generation
    try shell.receive(.channelClose(Self.refusal))
    #expect(first.code == .channelClosedByServer)
    #expect(second.isOpen == reopens && second.code == (reopens ? nil : .channelClosedByServer))
    #expect(throws: AMQPError.self) { try consumer.end?.get() }
    #expect(shell.machine.ledger.generation > generation)
    #expect(shell.isForgotten == !reopens)
    #expect(shell.machine.isClosed == !reopens)
    #expect(shell.sent.last == (reopens ? .channelOpen : .channelCloseOk))
    guard reopens else { return }
    try shell.receive(.channelOpenOk)
    try shell.receive(Self.declared)
    #expect(second.method == Self.declared)
  }

  @Test("Closing waits for the broker; until then confirms count, deliveries are dropped and settlements are stale")
  func closing() throws {
    var shell = Shell()
    try shell.becomeReady()
    let ticket = shell.publish(2)
    try shell.receive(.confirmSelectOk)
    let consumer = Consumer("a")
    _ = shell.add(consumer)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "a"))
    let generation = shell.machine.ledger.generation
    let closed = Outcome()
    shell.run(shell.machine.close(closed.request, &shell.completions))
    #expect(shell.sent.last == .channelClose(.normal))
    let again = Outcome()
    shell.run(shell.machine.close(again.request, &shell.completions))
    #expect(!again.isOpen)
    #expect(shell.machine.ledger.generation > generation)
    #expect(shell.submit(Self.declare).code == .channelClosed)
    let delivery = BasicDeliver(consumerTag: "a", deliveryTag: 1, redelivered: false, exchange: "", routingKey: "")
    guard case .dropped = try shell.machine.delivered(delivery, isReadable: true) else { return fail("not dropped") }
    try shell.machine.publishing.settled(1, multiple: false, .confirmed, &shell.completions)
    // What comes on a channel that is closed is not answered, but for the broker's own close.
    try shell.receive(.channelFlow(active: false))
    try shell.receive(.basicCancel(consumerTag: "a", noWait: false))
    #expect(shell.sent.last == .channelClose(.normal))
    try shell.receive(.channelClose(Self.refusal))
    #expect(shell.sent.last == .channelCloseOk)
    #expect(closed.isOpen)
    try shell.receive(.channelCloseOk)
    #expect(!closed.isOpen)
    #expect(shell.isForgotten)
    #expect(!shell.hasNumber)
    #expect(shell.abandoned.isEmpty)
    #expect(throws: Never.self) { try consumer.end?.get() }
    #expect(ticket.results.map(\.isConfirmed) == [true, false])
  }

  @Test("A close without an answer, and the end of a channel that is being opened, leave the number to rest")
  func abandons() throws {
    var shell = Shell()
    try shell.becomeReady()
    let closed = Outcome()
    shell.run(shell.machine.close(closed.request, &shell.completions))
    shell.run(shell.machine.end(Machine.channelClosed, quietly: true, &shell.completions))
    #expect(shell.abandoned == [.closing])
    #expect(!closed.isOpen)
    var opening = Shell()
    opening.open()
    opening.run(opening.machine.end(Machine.channelClosed, quietly: true, &opening.completions))
    #expect(opening.abandoned == [.opening])
    #expect(opening.sent == [.channelOpen])
  }

  @Test("A number that is given up is let go of when both sides have closed it")
  func abandonedNumbers() {
    var opening = AbandonedChannel.opening
    #expect(opening.receive(.basicQosOk) == [])
    #expect(opening.receive(.channelOpenOk) == [.send(.channelClose(.normal))])
    #expect(opening.receive(.channelClose(Self.refusal)) == [.send(.channelCloseOk)])
    #expect(opening.receive(.channelCloseOk) == [.free])
    var refused = AbandonedChannel.opening
    #expect(refused.receive(.channelClose(Self.refusal)) == [.send(.channelCloseOk), .free])
  }

  @Test("A loss makes what is on the wire unknown, or sends it again where that is wanted, and keeps what waits")
  func loss() throws {
    for resends in [true, false] {
      var shell = Shell(.init(maxOutstanding: 1, resendsUnknown: resends))
      try shell.becomeReady()
      let ticket = shell.publish(2, id: "id")
      try shell.receive(.confirmSelectOk)
      #expect(shell.machine.publishing.outstanding == 1)
      // Handed back on this connection, which says nothing about the next.
      shell.machine.publishing.messageReturned(
        .unroutable(replyCode: 312, replyText: ""), exchange: "", routingKey: "k",
        .init(headers: [PropertiesCodec.sequenceHeader: 1]))
      let request = shell.submit(Self.declare)
      shell.lose()
      #expect(request.code == .connectionLost)
      try shell.becomeReady()
      try shell.receive(.confirmSelectOk)
      for _ in 0..<(resends ? 2 : 1) {
        try shell.machine.publishing.settled(0, multiple: true, .confirmed, &shell.completions)
        shell.pump()
      }
      #expect(ticket.results.map(\.isConfirmed) == [resends, true])
    }
  }

  @Test("A channel of the connection's own ends with it")
  func internalChannel() throws {
    var shell = Shell(.init(reopens: false), isInternal: true)
    try shell.becomeReady()
    let request = shell.submit(Self.declare)
    shell.lose()
    #expect(request.code == .connectionLost)
    #expect(shell.isForgotten)
  }

  @Test("Deadlines free the window, and a confirm mode that is never granted starts the channel again")
  func deadlines() throws {
    var shell = Shell(.init(maxOutstanding: 1))
    try shell.becomeReady()
    let notSent = AMQPError(.publishTimeout, "late")
    let early = shell.publish()
    #expect(shell.sent == [.confirmSelect(noWait: false)])
    shell.now = shell.now + .seconds(61)
    #expect(shell.machine.publishing.expire(shell.now, notSent: notSent, &shell.completions) == nil)
    #expect(early.error?.code == .publishTimeout)
    shell.run(shell.machine.publishesExpired(now: shell.now, &shell.completions))
    #expect(shell.abandoned == [.closing])
    try shell.receive(.channelOpenOk)
    let stuck = shell.publish(within: 10)
    try shell.receive(.confirmSelectOk)
    let healthy = shell.publish(within: 20)
    shell.now = shell.now + .seconds(15)
    #expect(shell.machine.publishing.expire(shell.now, notSent: notSent, &shell.completions) != nil)
    #expect(stuck.error?.code == .unknownOutcome)
    shell.pump()
    try shell.machine.publishing.settled(1, multiple: false, .confirmed, &shell.completions)
    #expect(healthy.isOpen(0))
    try shell.machine.publishing.settled(2, multiple: false, .confirmed, &shell.completions)
    #expect(healthy.error == nil && !healthy.isOpen(0))
  }

  @Test("Flow stops publishes and is answered; a consumer that the broker cancels ends with a reason")
  func brokersWishes() throws {
    var shell = Shell()
    try shell.becomeReady()
    try shell.receive(.channelFlow(active: false))
    #expect(shell.sent.last == .channelFlowOk(active: false))
    _ = shell.publish()
    try shell.receive(.confirmSelectOk)
    #expect(shell.machine.publishing.outstanding == 0)
    try shell.receive(.channelFlow(active: true))
    #expect(shell.machine.publishing.outstanding == 1)
    let consumer = Consumer("a")
    _ = shell.add(consumer)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "a"))
    try shell.receive(.basicCancel(consumerTag: "a", noWait: true))
    #expect(throws: AMQPError.self) { try consumer.end?.get() }
    #expect(shell.machine.consumers.isEmpty)
  }

  @Test("A fetched message that cannot be read, or that is not waited for any more, goes back")
  func fetching() throws {
    var shell = Shell()
    try shell.becomeReady()
    let method = Method.basicGetOk(deliveryTag: 1, redelivered: false, exchange: "", routingKey: "", messages: 0)
    let outcome = shell.submit(.basicGet(queue: "q", noAck: false))
    let content = ContentAssembler.Content(
      method: method, properties: AMQPProperties(), body: ByteBuffer(), refusal: AMQPError(.messageTooLarge, "large"))
    shell.run(try shell.machine.fetched(content, 1, now: shell.now))
    #expect(outcome.code == .messageTooLarge)
    #expect(shell.machine.ledger.withLock { $0.unsettled } == 0)
  }

  @Test("What does not fit the wire fails its own caller, and the next one has its turn")
  func unsendable() throws {
    var shell = Shell()
    try shell.becomeReady()
    let large = shell.submit(Self.declare)
    let next = shell.submit(Self.declare)
    shell.run(shell.machine.sendingFailed(AMQPError(.invalidArgument, "large"), now: shell.now))
    #expect(large.code == .invalidArgument)
    #expect(next.isOpen)
    #expect(shell.sent == [Self.declare, Self.declare])
    try shell.receive(Self.declared)
    #expect(!next.isOpen)
  }

  @Test("A consumer that is not answered while it is brought back does not keep its channel waiting for ever")
  func unansweredRestore() throws {
    var shell = Shell()
    try shell.becomeReady()
    let consumer = Consumer("c")
    _ = shell.add(consumer)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "c"))
    shell.lose()
    shell.sent = []
    shell.open()
    try shell.receive(.channelOpenOk)
    #expect(shell.watches == 1)
    shell.now = shell.now + .seconds(60)
    shell.run(shell.machine.answerIsOverdue(now: shell.now, &shell.completions))
    #expect(shell.abandoned == [.closing])
    // Not at once: a broker that answers late would be asked again and again.
    #expect(shell.pauses == [1])
    shell.open()
    try shell.receive(.channelOpenOk)
    try shell.receive(.basicQosOk)
    try shell.receive(.basicConsumeOk(consumerTag: "c"))
    #expect(shell.machine.isReady)
    #expect(consumer.isSubscribed)
  }
}
