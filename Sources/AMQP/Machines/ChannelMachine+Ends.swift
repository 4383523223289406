import DequeModule

// How a channel ends: for now or for good, by the broker, by this side or with its connection.
extension ChannelMachine {
  /// The broker closed the channel: what was sent learns why, then it opens again for what comes after.
  ///
  /// While its consumers are brought back a refusal concerns the one that was asked for. If it passes, such as the lock of a
  /// connection that lingers, it is waited for; if not, that consumer ends and the others come back.
  mutating func serverCloses(_ reason: CloseReason, _ completions: inout Completions) -> [Action] {
    let error = AMQPError(refused: reason)
    var actions: [Action] = [.send(.channelCloseOk), .freeNumber]
    let wasOpening = if case .opening = state { true } else { false }
    let wasRestoring = if case .restoring = state { true } else { false }
    publishing.refused(error, isPublish: reason.classID == 60 && reason.methodID == 40, &completions)
    startGeneration()
    let (sent, unsent) = requests.removeAll()
    if let sent { actions += failed(sent.asker, reason.mayBeOver(sent.request) ? error : error.forBystanders) }
    actions += hold(unsent, error)
    let culprit: Consumer? = if wasRestoring, case .consumer(let consumer) = sent?.asker { consumer } else { nil }
    for consumer in consumers.values {
      let isFirst = consumer.start != nil
      if wasRestoring, consumer !== culprit || (error.isPassingRefusal && !isFirst) {
        if consumer.isLeaving {
          consumers[consumer.tag] = nil
          actions += failStart(of: consumer, error)
        }
        actions.append(.tell(consumer, .lost))
      } else {
        actions += failStart(of: consumer, error)
        consumers[consumer.tag] = nil
        actions.append(.tell(consumer, .ended(.failure(error), keepsBuffer: false)))
      }
    }
    state = .down
    if wasOpening || !options.channel.reopens || options.isInternal {
      return actions + end(error, quietly: false, &completions)
    }
    guard wasRestoring, culprit == nil || error.isPassingRefusal else { return actions + [.open] }
    refusals += 1
    return actions + [.openLater(attempt: refusals, error)]
  }

  /// What becomes of a request that gets no answer any more.
  func failed(_ asker: Asker?, _ error: AMQPError) -> [Action] {
    switch asker {
    case .caller(let request): [.finish(request, .failure(error))]
    case .cancel(_, let request?): [.finish(request, .failure(error))]
    case .cancel(_, nil), .consumer, .confirmMode, nil: []
    }
  }

  /// What was not sent was not judged: calls have their turn when the channel is open again.
  mutating func hold(_ unsent: [RequestQueue<Asker>.Entry], _ error: AMQPError) -> [Action] {
    var again: [(method: Method, request: Request)] = []
    var actions: [Action] = []
    for entry in unsent {
      if case .caller(let request) = entry.asker {
        again.append((entry.request, request))
      } else {
        actions += failed(entry.asker, error)
      }
    }
    held.insert(contentsOf: again, at: 0)
    return actions
  }

  mutating func startGeneration() {
    ledger.startGeneration()
    endedConsumers = []
    assembler = ContentAssembler(maxBodySize: options.maxBodySize)
  }

  /// The connection is gone: what was under way fails, what can wait waits for the next one.
  ///
  /// - parameter close: What the broker said when it ended the connection, if it did.
  mutating func lost(
    _ reason: AMQPError, over close: CloseReason? = nil, mayResend: Bool, _ completions: inout Completions
  ) -> [Action] {
    switch state {
    case .closed: return []
    case .closing(let request):
      state = .down
      return end(reason, quietly: true, &completions) + [.finish(request, .failure(reason))]
    case .down, .opening, .restoring, .ready: break
    }
    state = .down
    if options.isInternal { return end(reason, quietly: true, &completions) }
    publishing.lost(reason, mayResend: mayResend, &completions)
    startGeneration()
    let (sent, unsent) = requests.removeAll()
    var actions: [Action] = []
    if let sent {
      actions += failed(sent.asker, close?.mayBeOver(sent.request) == false ? reason.forBystanders : reason)
    }
    for entry in unsent { actions += failed(entry.asker, reason.forBystanders) }
    return actions + loseConsumers()
  }

  /// Closes the channel from this side. `request` is finished when the broker has agreed.
  mutating func close(_ request: Request, _ completions: inout Completions) -> [Action] {
    let done = Action.finish(request, .success(Request.Answer(method: .channelCloseOk)))
    switch state {
    case .closed, .closing: return [done]
    case .down, .opening: return end(Self.channelClosed, quietly: true, &completions) + [done]
    case .restoring, .ready:
      state = .closing(request)
      publishing.failWaiting(Self.channelClosed, &completions)
      // What is settled from now on would not be written any more.
      startGeneration()
      // Not behind other requests, which may never be answered.
      return [.send(.channelClose(.normal))]
    }
  }

  /// Ends the channel for good. The broker is told if it knows the channel.
  mutating func end(_ error: AMQPError, quietly: Bool, _ completions: inout Completions) -> [Action] {
    var actions: [Action] = []
    switch state {
    case .closed: return []
    case .down: break
    case .opening: actions = [.abandonNumber(.opening)]
    case .restoring, .ready: actions = [.send(.channelClose(.normal)), .abandonNumber(.closing)]
    case .closing(let request): actions = [.abandonNumber(.closing), .finish(request, .failure(error))]
    }
    state = .closed(error)
    publishing.failWaiting(error, &completions)
    publishing.lost(error, mayResend: false, &completions)
    startGeneration()
    let (sent, unsent) = requests.removeAll()
    for entry in [sent].compactMap({ $0 }) + unsent { actions += failed(entry.asker, error) }
    for request in held.map(\.request) + readyWaiters { actions.append(.finish(request, .failure(error))) }
    held = []
    readyWaiters = []
    for consumer in consumers.values {
      actions += failStart(of: consumer, error)
      actions.append(.tell(consumer, .ended(quietly ? .success(()) : .failure(error), keepsBuffer: false)))
    }
    consumers = [:]
    return actions + [.forget]
  }
}
