import DequeModule

/// What a consumer machine has to know about a delivery.
protocol ConsumerElement {
  /// Roughly what the delivery takes in memory.
  var bufferedBytes: Int { get }
  /// Its place in a stream; `nil` for what comes from a queue.
  var streamOffset: Int64? { get }
}

/// A consumer: what the broker knows of it, which deliveries wait, and who waits for one.
///
/// It decides; others do I/O. Deliveries stay in it until they are handed out one by one, so a task that leaves the sequence
/// leaves nothing behind in an iterator, and the next one goes on where it stopped.
struct ConsumerMachine<Element: ConsumerElement, Reader> {
  enum State {
    /// The broker does not know the consumer: its channel is not ready yet, or was lost.
    case waiting
    /// Qos and basic.consume are under way.
    case subscribing
    /// The broker sends.
    case active
    /// ``stop()``: basic.cancel is under way, and what comes until its answer is handed out.
    case stopping
    /// ``cancel()``: basic.cancel is under way, and what is here and what comes goes back with its answer.
    case cancelling
    /// basic.cancel is under way and no task waits for its answer. The sequence has ended like this behind what is buffered;
    /// what still comes goes back at once.
    case leaving(Result<Void, AMQPError>)
    /// The broker sends nothing more. The sequence ends like this behind what is buffered.
    case ended(Result<Void, AMQPError>)
  }

  /// How much may be buffered.
  struct Limits: Sendable, Equatable {
    /// Beyond one of these the socket is not read, unless an answer is awaited on it.
    var pauseAt: (count: Int, bytes: Int)
    /// Beyond this the consumer ends with an error: it does not keep up, and there is no other way to stop its broker.
    var endAt: Int

    /// Without acknowledgements nothing but this bounds what the broker sends.
    static var withoutAcknowledgements: Limits { Limits(pauseAt: (1024, 8 << 20), endAt: 128 << 20) }

    /// With acknowledgements the broker keeps to the prefetch, so only one that does not is stopped by this.
    static func prefetch(_ count: UInt16) -> Limits {
      Limits(pauseAt: (Int(count) * 2, .max), endAt: .max)
    }

    static func == (a: Limits, b: Limits) -> Bool { a.pauseAt == b.pauseAt && a.endAt == b.endAt }
  }

  private(set) var state = State.waiting
  /// Whether reading from the socket should wait for this consumer.
  private(set) var isHolding = false
  /// Where a stream's consumer goes on when it is subscribed again; `nil` for the place that its arguments name.
  private(set) var resumeOffset: Int64?

  private let acknowledges: Bool
  private let limits: Limits
  private var buffer: Deque<Element> = []
  private var bufferedBytes = 0
  private var reader: (id: UInt64, reader: Reader)?
  private var lastReaderID: UInt64 = 0
  private var nextStreamOffset: Int64?

  init(acknowledges: Bool, limits: Limits) {
    self.acknowledges = acknowledges
    self.limits = limits
  }

  /// How many deliveries wait.
  var buffered: Int { buffer.count }

  // MARK: The broker's side

  /// Whether the broker has to be asked for deliveries; if so, that is under way from now on.
  mutating func subscribe() -> Bool {
    guard case .waiting = state else { return false }
    state = .subscribing
    return true
  }

  /// The broker agreed to send.
  mutating func subscribed() {
    if case .subscribing = state { state = .active }
  }

  enum Arrival {
    /// They wait for a task. `startsHold` if reading should stop from now on.
    case buffered(wakes: Reader?, startsHold: Bool)
    /// No task will see these.
    case giveBack([Element])
    /// The consumer does not keep up, and has ended: the broker is to be told, these are dropped.
    case overflow(wakes: Reader?, dropped: [Element])
  }

  /// Takes what a read brought, and leaves `batch` empty.
  mutating func deliver(_ batch: inout [Element]) -> Arrival {
    defer { batch.removeAll(keepingCapacity: true) }
    switch state {
    case .leaving, .ended: return .giveBack(batch)
    case .waiting, .subscribing, .active, .stopping, .cancelling: break
    }
    noteOffsets(batch)
    buffer.append(contentsOf: batch)
    if case .cancelling = state {
      // What needs no acknowledgement has nowhere to go back to.
      if !acknowledges { buffer.removeAll() }
      return .buffered(wakes: nil, startsHold: false)
    }
    if !acknowledges {
      bufferedBytes = batch.reduce(bufferedBytes) { $0 + $1.bufferedBytes }
      if bufferedBytes > limits.endAt, buffer.count > 1 { return overflow(batch.count) }
    }
    let startsHold = !isHolding && (buffer.count > limits.pauseAt.count || bufferedBytes > limits.pauseAt.bytes)
    if startsHold { isHolding = true }
    return .buffered(wakes: takeReader(), startsHold: startsHold)
  }

  private mutating func overflow(_ count: Int) -> Arrival {
    let dropped = Array(buffer.suffix(count))
    buffer.removeLast(count)
    for element in dropped { bufferedBytes -= element.bufferedBytes }
    state = .leaving(.failure(Self.doesNotKeepUp(limits.endAt)))
    isHolding = false
    return .overflow(wakes: takeReader(), dropped: dropped)
  }

  private static func doesNotKeepUp(_ limit: Int) -> AMQPError {
    AMQPError(
      .consumerCancelled,
      "The consumer did not keep up: more than \(limit >> 20) MiB waited for it, and what the broker sent after that is lost. "
        + "Without acknowledgements nothing slows a broker down: use them, or a connection of its own.")
  }

  private mutating func noteOffsets(_ batch: [Element]) {
    // One look tells a stream from a queue.
    guard let last = batch.last, let offset = last.streamOffset else { return }
    nextStreamOffset = offset + 1
  }

  /// What follows from an end.
  struct Ending {
    /// The task that waited: it finds the end.
    var wakes: Reader?
    /// What goes back to the queue.
    var givesBack: [Element] = []
  }

  /// The broker confirmed basic.cancel, or what came instead of that means the same.
  mutating func agreed() -> Ending {
    switch state {
    case .stopping: return end(.success(()))
    case .cancelling: return end(.success(()), givesBack: true)
    case .leaving(let result): return end(result)
    case .waiting, .subscribing, .active, .ended: return Ending()
    }
  }

  /// The broker did not answer basic.cancel in time. No task waits for that any more.
  mutating func unanswered() -> Ending {
    switch state {
    case .stopping:
      state = .leaving(.success(()))
      isHolding = false
      return Ending(wakes: takeReader())
    case .cancelling:
      state = .leaving(.success(()))
      return Ending(givesBack: takeBuffer())
    case .waiting, .subscribing, .active, .leaving, .ended: return Ending()
    }
  }

  /// The broker ended the consumer, or the channel ended with it. What was delivered before is handed out if that still means
  /// something: `keepsBuffer` is false where the broker has taken all that is unsettled back.
  mutating func end(_ result: Result<Void, AMQPError>, keepsBuffer: Bool) -> Ending {
    switch state {
    case .ended: return Ending()
    case .cancelling:
      if !keepsBuffer { _ = takeBuffer() }
      return end(.success(()), givesBack: true)
    case .stopping, .leaving(.success):
      if acknowledges, !keepsBuffer { _ = takeBuffer() }
      return end(.success(()))
    case .waiting, .subscribing, .active, .leaving(.failure):
      if acknowledges, !keepsBuffer { _ = takeBuffer() }
      return end(result)
    }
  }

  /// The connection was lost, or the channel starts again. The broker hands out again what is unsettled, and what it handed to
  /// a consumer that was to end goes to others.
  mutating func lost() -> Ending {
    isHolding = false
    switch state {
    case .waiting, .subscribing, .active:
      state = .waiting
      if let nextStreamOffset { resumeOffset = buffer.first?.streamOffset ?? nextStreamOffset }
      // What is dropped now comes again, also if the next connection is lost before it brought anything.
      nextStreamOffset = resumeOffset
      if acknowledges { _ = takeBuffer() }
      return Ending()
    case .stopping, .cancelling, .leaving, .ended: return end(.success(()), keepsBuffer: false)
    }
  }

  private mutating func end(_ result: Result<Void, AMQPError>, givesBack: Bool = false) -> Ending {
    state = .ended(result)
    isHolding = false
    return Ending(wakes: takeReader(), givesBack: givesBack ? takeBuffer() : [])
  }

  private mutating func takeBuffer() -> [Element] {
    guard !buffer.isEmpty else { return [] }
    let elements = Array(buffer)
    buffer.removeAll()
    bufferedBytes = 0
    return elements
  }

  // MARK: The end from this side

  enum Leaving {
    /// There is nothing to tell the broker. What goes back and who is woken is in the ending.
    case atOnce(Ending)
    /// basic.cancel has to be sent. `waits` unless its answer is behind another that is due: then the end is told at once.
    case send(waits: Bool, Ending)
    /// It has ended, or is about to, already.
    case isOver
  }

  /// Ends the consumer: what was not handed out goes back.
  mutating func cancel() -> Leaving {
    switch state {
    case .waiting: return .atOnce(end(.success(()), givesBack: true))
    case .subscribing:
      state = .leaving(.success(()))
      isHolding = false
      return .send(waits: false, Ending(wakes: takeReader(), givesBack: takeBuffer()))
    case .active, .stopping:
      let isAsked = if case .stopping = state { true } else { false }
      state = .cancelling
      isHolding = false
      if !acknowledges { _ = takeBuffer() }
      let ending = Ending(wakes: takeReader())
      return isAsked ? .atOnce(ending) : .send(waits: true, ending)
    case .leaving, .ended:
      let rest = takeBuffer()
      if case .ended = state { state = .ended(.success(())) } else { state = .leaving(.success(())) }
      return rest.isEmpty ? .isOver : .atOnce(Ending(givesBack: rest))
    case .cancelling: return .isOver
    }
  }

  /// Ends the consumer: what the broker sends until it agrees is handed out.
  mutating func stop() -> Leaving {
    switch state {
    case .waiting: return .atOnce(end(.success(())))
    case .subscribing:
      state = .leaving(.success(()))
      isHolding = false
      return .send(waits: false, Ending(wakes: takeReader()))
    case .active:
      state = .stopping
      return .send(waits: true, Ending())
    case .stopping, .cancelling, .leaving, .ended: return .isOver
    }
  }

  // MARK: The task that iterates

  enum Next {
    /// `endsHold` if reading may go on from now on.
    case element(Element, endsHold: Bool)
    case end(Result<Void, AMQPError>)
    /// There is nothing yet: wait as this reader.
    case nothing(UInt64)
  }

  /// Hands out the next delivery.
  mutating func next() -> Next {
    if case .cancelling = state { return .end(.success(())) }
    if let element = buffer.popFirst() {
      if !acknowledges { bufferedBytes -= element.bufferedBytes }
      return .element(element, endsHold: isHolding && endHold())
    }
    return ending
  }

  enum NextBatch {
    case elements([Element], endsHold: Bool)
    case end(Result<Void, AMQPError>)
    case nothing(UInt64)
  }

  /// Hands out all that is there.
  mutating func nextBatch() -> NextBatch {
    if case .cancelling = state { return .end(.success(())) }
    if !buffer.isEmpty {
      let elements = Array(buffer)
      buffer.removeAll(keepingCapacity: true)
      bufferedBytes = 0
      return .elements(elements, endsHold: isHolding && endHold())
    }
    switch ending {
    case .end(let result): return .end(result)
    case .nothing(let id): return .nothing(id)
    case .element(let element, let endsHold): return .elements([element], endsHold: endsHold)
    }
  }

  private var ending: Next {
    mutating get {
      switch state {
      case .ended(let result), .leaving(let result): return .end(result)
      case .waiting, .subscribing, .active, .stopping, .cancelling:
        lastReaderID += 1
        return .nothing(lastReaderID)
      }
    }
  }

  /// Reading goes on at half the mark, so that it does not start and stop with each delivery.
  private mutating func endHold() -> Bool {
    guard buffer.count <= limits.pauseAt.count / 2, bufferedBytes <= limits.pauseAt.bytes / 2 else { return false }
    isHolding = false
    return true
  }

  enum Wait: Equatable {
    /// The reader is resumed later.
    case suspended
    /// There is something to take, or the end.
    case goOn
    /// Another task waits already.
    case busy
  }

  /// Waits until there is something to take.
  mutating func wait(_ id: UInt64, _ reader: Reader) -> Wait {
    guard self.reader == nil else { return .busy }
    switch state {
    case .ended, .leaving, .cancelling: return .goOn
    case .waiting, .subscribing, .active, .stopping: break
    }
    guard buffer.isEmpty else { return .goOn }
    self.reader = (id, reader)
    return .suspended
  }

  /// A task was cancelled while it waited. Only that one stops waiting.
  mutating func stopWaiting(_ id: UInt64) -> Reader? {
    guard reader?.id == id else { return nil }
    return takeReader()
  }

  private mutating func takeReader() -> Reader? {
    defer { reader = nil }
    return reader?.reader
  }
}
