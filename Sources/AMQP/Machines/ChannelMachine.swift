import DequeModule
import NIOCore

/// A channel behind its handle: from channel.open to channel.close, through lost connections and refusals, with its requests,
/// its publishes, its consumers and the ledger of its deliveries.
///
/// It decides; others do I/O. It knows nothing of its number: each connection gives it one.
struct ChannelMachine<Consumer: ChannelConsumer> {
  enum State {
    /// The broker does not know the channel: there is no connection, or a refusal that passes is waited for.
    case down
    /// Channel.open is under way.
    case opening
    /// It is open, and its consumers are brought back before anything else goes on.
    case restoring
    case ready
    /// Channel.close is under way, and this request waits for its answer.
    case closing(Request)
    case closed(AMQPError)
  }

  /// Who asked for what is in the queue of requests.
  enum Asker {
    case caller(Request)
    case consumer(Consumer)
    case cancel(Consumer, Request?)
    case confirmMode
  }

  enum Action {
    case send(Method)
    case finish(Request, Result<Request.Answer, AMQPError>)
    case tell(Consumer, ConsumerEvent)
    /// Both sides have closed the channel: its number is free.
    case freeNumber
    /// The number stays reserved until the broker has closed the channel as well.
    case abandonNumber(AbandonedChannel)
    /// The channel is to be opened again, at once or after a pause that grows with the attempts.
    case open
    case openLater(attempt: Int, AMQPError)
    /// An answer is overdue: ask ``answerIsOverdue(now:_:)`` after this time whether it has come.
    case watchAnswer(TimeAmount)
    /// Publishes may go on.
    case pump
    /// The channel is over.
    case forget
  }

  struct Options {
    var channel: AMQPChannelOptions
    var maxBodySize: Int
    /// How long the broker may take to answer a request.
    var replyTimeout: TimeAmount
    /// Whether it ends with its connection.
    var isInternal = false
  }

  var state = State.down
  let ledger = SharedLedger()
  var assembler: ContentAssembler
  var publishing: PublishMachine
  var consumers: [String: Consumer] = [:] { didSet { lastConsumer = nil } }
  private var lastConsumer: Consumer?
  let options: Options
  var requests = RequestQueue<Asker>()
  /// Requests that wait for the channel to be ready, and those that wait for nothing but that.
  var held: Deque<(method: Method, request: Request)> = []
  var readyWaiters: [Request] = []
  /// Refusals since the channel was last ready.
  var refusals = 0
  /// Whether the broker has said that it takes nothing for now: it does not read requests either, so their answers are not overdue.
  private var isBlocked = false
  /// The last consumers that have ended, and whether their deliveries need no acknowledgement.
  var endedConsumers: Deque<(tag: String, noAck: Bool)> = []

  init(_ options: Options) {
    self.options = options
    assembler = ContentAssembler(maxBodySize: options.maxBodySize)
    publishing = PublishMachine(options.channel)
  }

  // MARK: What others ask

  var isReady: Bool { if case .ready = state { true } else { false } }
  var isClosed: Bool { if case .closed = state { true } else { false } }
  var isDown: Bool { if case .down = state { true } else { false } }
  var isOpening: Bool { if case .opening = state { true } else { false } }
  var isClosing: Bool { if case .closing = state { true } else { false } }
  /// Whether deliveries may come and settlements go out.
  var isOpen: Bool {
    switch state {
    case .restoring, .ready: true
    case .down, .opening, .closing, .closed: false
    }
  }

  /// Why the channel takes nothing any more.
  var refusal: AMQPError? {
    switch state {
    case .closed(let error): error
    case .closing: Self.channelClosed
    case .down, .opening, .restoring, .ready: nil
    }
  }

  /// Whether an answer of the broker is awaited here.
  var isAwaiting: Bool {
    switch state {
    case .opening, .closing: true
    case .restoring, .ready: requests.isAwaited || publishing.outstanding > 0
    case .down, .closed: false
    }
  }

  /// The consumer of a delivery, mostly that of the one before.
  mutating func consumer(_ tag: String) -> Consumer? {
    if let lastConsumer, lastConsumer.tag == tag { return lastConsumer }
    let consumer = consumers[tag]
    lastConsumer = consumer
    return consumer
  }

  static var channelClosed: AMQPError { AMQPError(.channelClosed, "The channel was closed on this side.") }

  // MARK: Opening

  /// The channel has a number on a connection.
  mutating func open() -> [Action] {
    guard case .down = state else { return [] }
    state = .opening
    isBlocked = false
    return [.send(.channelOpen)]
  }

  private mutating func opened(_ now: NIODeadline) -> [Action] {
    state = .restoring
    return subscribeAll(now)
  }

  /// Brings consumers back one after the other: the prefetch of a channel counts for those that come after it.
  private mutating func subscribeAll(_ now: NIODeadline) -> [Action] {
    for consumer in consumers.values.sorted(by: { $0.tag < $1.tag }) { subscribe(consumer) }
    return requests.isEmpty ? becomeReady(now) : sendNext(now) + [.watchAnswer(options.replyTimeout)]
  }

  mutating func subscribe(_ consumer: Consumer) {
    guard consumer.subscribe() else { return }
    let consume = Method.basicConsume(consumer.request)
    if consumer.noAck {
      requests.append(consume, .consumer(consumer))
    } else {
      // Several consumers of a channel: each has its own prefetch, and any of them may run dry.
      ledger.withLock {
        $0.window = $0.window == 0 ? Int(consumer.prefetch) : min($0.window, Int(consumer.prefetch))
      }
      requests.append(
        .basicQos(prefetchSize: 0, prefetchCount: consumer.prefetch, global: false), then: consume, .consumer(consumer))
    }
  }

  private mutating func becomeReady(_ now: NIODeadline) -> [Action] {
    state = .ready
    refusals = 0
    var actions = readyWaiters.map { Action.finish($0, .success(Request.Answer(method: .channelOpenOk))) }
    readyWaiters = []
    for (method, request) in held where request.isOpen { request.id = requests.append(method, .caller(request)) }
    held = []
    actions += sendNext(now)
    actions.append(.pump)
    return actions
  }

  /// Channel.open was not answered in time. Its number stays reserved, and another one is tried.
  mutating func openingTimedOut() -> [Action] {
    guard case .opening = state else { return [] }
    state = .down
    refusals += 1
    return [.abandonNumber(.opening), .openLater(attempt: refusals, Self.unanswered)]
  }

  private static var unanswered: AMQPError {
    AMQPError(.replyTimeout, "The broker did not answer in time on this channel, so it is opened again.")
  }

  // MARK: Requests

  /// Takes a request. It is sent when the channel is ready and its turn comes.
  mutating func submit(
    _ method: Method, _ request: Request, now: NIODeadline, _ completions: inout Completions
  ) -> [Action] {
    switch state {
    case .closed, .closing: return [.finish(request, .failure(refusal ?? Self.channelClosed))]
    case .down, .opening, .restoring:
      held.append((method, request))
      return []
    case .ready:
      if isStuck(now) {
        held.append((method, request))
        return startAgain(&completions)
      }
      request.id = requests.append(method, .caller(request))
      return sendNext(now)
    }
  }

  /// Finishes the request once the channel is ready.
  mutating func waitUntilReady(_ request: Request) -> [Action] {
    switch state {
    case .closed(let error): return [.finish(request, .failure(error))]
    case .closing: return [.finish(request, .failure(Self.channelClosed))]
    case .ready: return [.finish(request, .success(Request.Answer(method: .channelOpenOk)))]
    case .down, .opening, .restoring:
      readyWaiters.append(request)
      return []
    }
  }

  /// A caller does not wait any more, for this reason. What is on the wire keeps its place until its answer comes, unless that
  /// is long overdue: then the channel starts again, as nothing behind would ever be answered.
  mutating func giveUp(
    _ request: Request, _ error: AMQPError, now: NIODeadline, _ completions: inout Completions
  ) -> [Action] {
    guard request.isOpen else { return [] }
    held.removeAll { $0.request === request }
    readyWaiters.removeAll { $0 === request }
    var actions = [Action.finish(request, .failure(error))]
    if let consumer = consumers.values.first(where: { $0.start === request }) {
      consumer.start = nil
      actions += leave(consumer, .cancel, nil, now: now)
    } else {
      _ = requests.abandon(request.id)
    }
    if error.code == .replyTimeout, case .ready = state {
      actions +=
        isStuck(now) ? startAgain(&completions) : [.watchAnswer(.nanoseconds(options.replyTimeout.nanoseconds / 2))]
    }
    return actions
  }

  /// Whether the broker owes an answer for longer than a request may take, by a quarter.
  func isStuck(_ now: NIODeadline) -> Bool {
    let (limit, isEndless) = (options.replyTimeout.nanoseconds / 4).multipliedReportingOverflow(by: 5)
    return !isEndless && !isBlocked && requests.isUnanswered(for: .nanoseconds(limit), now: now)
  }

  /// The broker takes nothing for now, or reads again what was sent to it.
  mutating func blocked(_ isBlocked: Bool, now: NIODeadline) {
    self.isBlocked = isBlocked
    if !isBlocked { requests.startTime(now) }
  }

  /// Time has passed since a request was given up. If it still has no answer, those behind it would never have one.
  mutating func answerIsOverdue(now: NIODeadline, _ completions: inout Completions) -> [Action] {
    let half = TimeAmount.nanoseconds(options.replyTimeout.nanoseconds / 2)
    switch state {
    // No call waits for the consumers that are brought back, so it is looked at until they are.
    case .restoring:
      guard isStuck(now) else { return [.watchAnswer(half)] }
      refusals += 1
      return startAgain(&completions, .openLater(attempt: refusals, Self.unanswered))
    case .ready where requests.isAwaited: break
    case .ready, .down, .opening, .closing, .closed: return []
    }
    if isStuck(now) { return startAgain(&completions) }
    // It may have been sent later than the time for its call began.
    return requests.isUnanswered(for: half, now: now) ? [.watchAnswer(.nanoseconds(half.nanoseconds / 2))] : []
  }

  /// Gives up what the broker does not answer: the channel gets another number, and its old one stays reserved.
  mutating func startAgain(_ completions: inout Completions, _ next: Action = .open) -> [Action] {
    let (sent, unsent) = requests.removeAll()
    var actions: [Action] = [.send(.channelClose(.normal)), .abandonNumber(.closing)]
    actions += failed(sent?.asker, Self.unanswered) + hold(unsent, Self.unanswered)
    publishing.lost(Self.unanswered, mayResend: true, &completions)
    actions += loseConsumers()
    startGeneration()
    state = .down
    return actions + [next]
  }

  /// Takes the next request's turn.
  mutating func sendNext(_ now: NIODeadline) -> [Action] {
    requests.next(now: now).map { [.send($0)] } ?? []
  }

  /// Asks for confirm mode if something waits to be published and it is off.
  mutating func askForConfirmMode(now: NIODeadline) -> [Action] {
    guard case .ready = state, publishing.askForConfirmMode() else { return [] }
    requests.append(.confirmSelect(noWait: false), .confirmMode)
    return sendNext(now)
  }

  /// A publish was out of time, perhaps because the broker does not answer the question for confirm mode.
  mutating func publishesExpired(now: NIODeadline, _ completions: inout Completions) -> [Action] {
    guard case .ready = state, publishing.hasWaiting || publishing.confirmMode == .asked, isStuck(now) else {
      return []
    }
    return startAgain(&completions)
  }

  /// What was to be sent does not fit the wire. Only its caller is concerned.
  mutating func sendingFailed(_ error: AMQPError, now: NIODeadline) -> [Action] {
    guard let id = requests.current?.id, let asker = requests.abandon(id) else { return [] }
    requests.dropCurrent()
    var actions = failed(asker, error)
    if case .consumer(let consumer) = asker {
      actions += failStart(of: consumer, error)
      consumers[consumer.tag] = nil
      actions.append(.tell(consumer, .ended(.failure(error), keepsBuffer: false)))
    }
    return actions + goOn(now)
  }

  // MARK: Methods of the broker

  /// Takes a method that carries no content, other than a confirm: those are for ``publishing``.
  mutating func receive(
    _ method: Method, now: NIODeadline, _ completions: inout Completions
  ) throws(WireError) -> [Action] {
    switch (state, method) {
    case (.opening, .channelOpenOk): return opened(now)
    case (.closing(let request), .channelCloseOk):
      state = .down
      return [.freeNumber] + end(Self.channelClosed, quietly: true, &completions)
        + [.finish(request, .success(Request.Answer(method: .channelCloseOk)))]
    // Both sides close at once: the broker still answers our close.
    case (.closing, .channelClose): return [.send(.channelCloseOk)]
    case (.closing, _): return requests.expects(method) ? try answer(method, now) : []
    case (.opening, .channelClose(let reason)), (.restoring, .channelClose(let reason)),
      (.ready, .channelClose(let reason)):
      return serverCloses(reason, &completions)
    case (.restoring, _), (.ready, _): return try receiveOpen(method, now)
    case (.opening, _), (.down, _), (.closed, _):
      throw .command("method (\(method.id.classID), \(method.id.methodID)) on a channel that is not open yet")
    }
  }

  private mutating func receiveOpen(_ method: Method, _ now: NIODeadline) throws(WireError) -> [Action] {
    switch method {
    case .channelFlow(let isActive):
      publishing.flow(isActive: isActive)
      return [.send(.channelFlowOk(active: isActive)), .pump]
    case .basicCancel(let tag, let noWait):
      var actions: [Action] = noWait ? [] : [.send(.basicCancelOk(consumerTag: tag))]
      if let consumer = consumers.removeValue(forKey: tag) {
        noteEnd(of: consumer)
        let error = AMQPError(
          .consumerCancelled,
          "The broker cancelled the consumer: its queue was deleted, or is not available. Declare it and consume again.",
          isRetryable: true)
        actions.append(.tell(consumer, .ended(.failure(error), keepsBuffer: true)))
      }
      return actions
    case .channelOpenOk, .channelCloseOk:
      throw .command("an answer (\(method.id.classID), \(method.id.methodID)) to no request")
    default: return try answer(method, now)
    }
  }

  private mutating func answer(_ method: Method, _ now: NIODeadline) throws(WireError) -> [Action] {
    switch try requests.answer(method, now: now) {
    case .next(let method): return [.send(method)]
    case .done(let asker, _): return answered(asker, Request.Answer(method: method)) + goOn(now)
    }
  }

  private mutating func answered(_ asker: Asker?, _ answer: Request.Answer) -> [Action] {
    switch asker {
    case .caller(let request): return [.finish(request, .success(answer))]
    case .consumer(let consumer):
      consumer.subscribed()
      defer { consumer.start = nil }
      return consumer.start.map { [.finish($0, .success(answer))] } ?? []
    case .cancel(let consumer, let request):
      if consumers[consumer.tag] === consumer { consumers[consumer.tag] = nil }
      noteEnd(of: consumer)
      return [.tell(consumer, .agreed)] + (request.map { [.finish($0, .success(answer))] } ?? [])
    case .confirmMode:
      publishing.confirmModeIsOn()
      return [.pump]
    case nil: return []
    }
  }

  /// After an answer: the next request, or, when all consumers are back, all that waited for them.
  private mutating func goOn(_ now: NIODeadline) -> [Action] {
    switch state {
    case .restoring: requests.isEmpty ? becomeReady(now) : sendNext(now)
    case .ready: sendNext(now)
    case .down, .opening, .closing, .closed: []
    }
  }

  // MARK: Content

  enum Arrival {
    case delivery(Consumer)
    /// No task takes it any more, and the broker gives it to others.
    case dropped
    /// It could not be read. It is refused, so that the broker does not send it again.
    case refused
    /// Its consumer has ended, with the broker's agreement. It goes back.
    case late
  }

  /// A message came for a consumer.
  mutating func delivered(_ deliver: BasicDeliver, isReadable: Bool) throws(WireError) -> Arrival {
    guard isOpen else { return .dropped }
    guard let consumer = consumer(deliver.consumerTag) else {
      // What a queue on another node sends can come behind that node's agreement to the end.
      guard let ended = endedConsumers.last(where: { $0.tag == deliver.consumerTag }) else {
        throw .command("a delivery for a consumer that is unknown")
      }
      try ledger.delivered(deliver.deliveryTag, needsAck: !ended.noAck)
      return .late
    }
    // RabbitMQ takes them without acknowledgement only, so no other consumer's deliveries pay for the comparison.
    let isReply = consumer.noAck && consumer.request.queue == "amq.rabbitmq.reply-to"
    try ledger.delivered(deliver.deliveryTag, needsAck: !consumer.noAck, isReply: isReply)
    return isReadable ? .delivery(consumer) : .refused
  }

  private mutating func noteEnd(of consumer: Consumer) {
    if endedConsumers.count == Self.mostEndedConsumers { endedConsumers.removeFirst() }
    endedConsumers.append((consumer.tag, consumer.noAck))
  }

  private static var mostEndedConsumers: Int { 1024 }

  /// A message came as the answer to basic.get. What could not be read, and what is not waited for any more, goes back.
  mutating func fetched(_ content: ContentAssembler.Content, _ tag: UInt64, now: NIODeadline) throws(WireError)
    -> [Action]
  {
    guard isOpen else { return [] }
    guard case .done(let asker, let request) = try requests.answer(content.method, now: now) else { return [] }
    let needsAck = if case .basicGet(_, noAck: false) = request { true } else { false }
    try ledger.delivered(tag, needsAck: needsAck)
    if needsAck, asker == nil || content.refusal != nil {
      _ = ledger.withLock { $0.settle(tag, generation: $0.generation, .nack(requeue: true), now: now) }
    }
    if let refusal = content.refusal, case .caller(let request) = asker {
      return [.finish(request, .failure(refusal))] + goOn(now)
    }
    return answered(asker, Request.Answer(method: content.method, content: content, generation: ledger.generation))
      + goOn(now)
  }
}
