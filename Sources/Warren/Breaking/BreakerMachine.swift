/// When a circuit breaker is open: decides, and does nothing else.
///
/// Closed, it looks at the results of the last messages. Open, its queues are left alone until a time. After that the first messages
/// that are handed out are probes: once as many of them as the rule asks for have succeeded it is closed, and one that fails opens it
/// for longer.
struct BreakerMachine: Sendable {
  /// What a handler's end says about the dependency.
  enum Result: Sendable {
    case success
    case failure
    /// Nothing: it was cancelled, or failed for another reason.
    case unknown
  }
  /// A message that is being handled.
  struct Call: Sendable {
    fileprivate var period: Int
    /// Whether it was begun after the breaker has opened.
    fileprivate var isProbe = false
    /// Whether it was on its way by then: that it fails is no news.
    fileprivate var isEarly = false
  }
  /// What follows from a result.
  enum Change: Sendable, Equatable {
    case none
    /// Nothing is to be handed out for so long, and then the rule's probes from each queue.
    case opened(for: Duration)
    /// A probe failed. With `isSpared` that is the dependency's failure and not the message's.
    case openedAgain(for: Duration, isSpared: Bool)
    /// A probe told nothing: another message is to try.
    case anotherProbe
    case closed
  }
  /// What it does, as others see it.
  enum Phase: Sendable, Equatable {
    case closed
    case open(until: Duration)
  }
  private struct Entry {
    var message: MessageID?
    var time: Duration
    var isFailure: Bool
  }

  let rule: BreakerRule
  private(set) var phase = Phase.closed
  /// Counts how often it was opened or closed: what was begun in an earlier period says nothing new.
  private var period = 0
  /// A ring, of which `next` is the oldest once it is full.
  private var entries: [Entry] = []
  private var next = 0
  private var failing = 0
  private var pause: Duration
  private var succeeded = 0
  private var lastFailedProbe: MessageID?

  init(_ rule: BreakerRule) {
    self.rule = rule
    pause = rule.pause
  }

  /// A message is about to be handled. Times are those of a clock that is never set.
  mutating func begin(now: Duration) -> Call {
    switch phase {
    case .closed: Call(period: period)
    case .open(let end): Call(period: period, isProbe: true, isEarly: now < end)
    }
  }

  /// A message was handled.
  mutating func end(_ call: Call, of message: MessageID?, _ result: Result, now: Duration) -> Change {
    guard call.period == period else { return .none }
    guard call.isProbe else { return note(message, result, now) }
    switch result {
    case .unknown: return .anotherProbe
    case .success:
      succeeded += 1
      guard succeeded >= rule.probes else { return .none }
      close()
      return .closed
    case .failure where call.isEarly: return .anotherProbe
    case .failure:
      pause = min(pause * 2, rule.longestPause)
      // The one that tried the last time, too, may be the reason itself.
      let isSpared = message == nil || message != lastFailedProbe
      lastFailedProbe = message
      open(now)
      return .openedAgain(for: pause, isSpared: isSpared)
    }
  }

  /// Closes it, whatever happened. Returns whether it was open.
  mutating func reset() -> Bool {
    if phase == .closed { return false }
    close()
    return true
  }

  private mutating func open(_ now: Duration) {
    phase = .open(until: now + pause)
    period += 1
    succeeded = 0
  }

  private mutating func close() {
    phase = .closed
    period += 1
    succeeded = 0
    lastFailedProbe = nil
    pause = rule.pause
    forget()
  }

  private mutating func forget() {
    entries.removeAll(keepingCapacity: true)
    next = 0
    failing = 0
  }

  // MARK: The window

  private mutating func note(_ message: MessageID?, _ result: Result, _ now: Duration) -> Change {
    if result == .unknown { return .none }
    let entry = Entry(message: message, time: now, isFailure: result == .failure)
    // A message that failed before counts once, with what became of it last.
    if failing > 0, message != nil, let index = entries.firstIndex(where: { $0.isFailure && $0.message == message }) {
      failing -= 1
      entries[index] = entry
    } else if entries.count < rule.window {
      entries.append(entry)
    } else {
      if entries[next].isFailure { failing -= 1 }
      entries[next] = entry
      next = (next + 1) % rule.window
    }
    guard entry.isFailure else { return .none }
    failing += 1
    guard entries.count == rule.window, Double(failing) >= rule.failures * Double(rule.window) else { return .none }
    guard entries.allSatisfy({ now - $0.time <= rule.within }) else { return .none }
    open(now)
    forget()
    return .opened(for: pause)
  }
}
