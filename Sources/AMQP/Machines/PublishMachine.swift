import DequeModule
import NIOCore

/// The publishes of a channel: those that wait for their turn, those that are on the wire, and what the broker says of them.
struct PublishMachine {
  /// Confirm mode belongs to a channel's generation, and is asked for with its first publish.
  enum ConfirmMode { case off, asked, on }

  private(set) var confirmMode = ConfirmMode.off
  private(set) var isFlowStopped = false
  private var waiting: Deque<PublishRun> = []
  /// At how many of them it is asked which were cancelled.
  private var tidyAt = tidyAbove
  private var confirms = ConfirmTracker<PublishWaiter>()
  /// Messages that the broker handed back, by number. The confirm that follows completes them.
  private var returned: [UInt64: AMQPPublishResult] = [:]
  private let options: AMQPChannelOptions
  private static let tidyAbove = 64

  init(_ options: AMQPChannelOptions) { self.options = options }

  /// Whether any publish waits for its turn.
  var hasWaiting: Bool { !waiting.isEmpty }
  /// How many calls have publishes that wait for their turn.
  var waitingCalls: Int { waiting.count }
  /// Publishes on the wire that are not settled.
  var outstanding: Int { confirms.outstanding }
  /// Confirm numbers that are kept.
  var kept: Int { confirms.kept }
  /// The number that the next publish gets.
  var next: UInt64 { confirms.next }

  // MARK: Sending

  /// Takes a call's messages. They are sent in the order of the calls.
  mutating func append(_ ticket: PublishTicket) {
    if waiting.isEmpty { tidyAt = Self.tidyAbove } else if waiting.count >= tidyAt { tidy() }
    waiting.append(PublishRun(ticket: ticket, indices: 0..<ticket.count))
  }

  /// Forgets what was cancelled before its turn came: while the broker takes nothing, callers that try again after a time of
  /// their own would fill the memory.
  private mutating func tidy() {
    waiting.removeAll { $0.ticket.isAbandoned }
    tidyAt = max(Self.tidyAbove, waiting.count * 2)
  }

  /// Whether confirm mode has to be asked for before anything is sent; it is asked for from now on.
  mutating func askForConfirmMode() -> Bool {
    guard confirmMode == .off, hasWaiting else { return false }
    confirmMode = .asked
    return true
  }

  mutating func confirmModeIsOn() { confirmMode = .on }

  /// The broker lets publishes through, or not.
  mutating func flow(isActive: Bool) { isFlowStopped = !isActive }

  /// Writes publishes until none waits or the window is full. Returns true if enough has gathered for a write before that.
  mutating func write(
    to out: inout ByteBuffer, channel: UInt16, frameMax: Int, _ completions: inout Completions
  ) -> Bool {
    guard confirmMode == .on, !isFlowStopped else { return false }
    while var run = waiting.popFirst() {
      // What was cancelled before its turn came is not sent.
      if run.ticket.isAbandoned { continue }
      // Read in place: a copy of a message is a dozen references to count.
      run.ticket.messages.withUnsafeBufferPointer {
        write($0, of: &run, to: &out, channel, frameMax, &completions)
      }
      if !run.indices.isEmpty {
        waiting.prepend(run)
        return out.readableBytes >= Self.enoughForAWrite
      }
    }
    return false
  }

  static let enoughForAWrite = 256 << 10

  /// Writes as much of a run as the window takes, or enough for a write.
  private mutating func write(
    _ messages: UnsafeBufferPointer<AMQPMessage>, of run: inout PublishRun, to out: inout ByteBuffer, _ channel: UInt16,
    _ frameMax: Int, _ completions: inout Completions
  ) {
    while let index = run.indices.first, out.readableBytes < Self.enoughForAWrite,
      confirms.hasRoom(for: messages[index].cost, options)
    {
      run.indices.removeFirst()
      guard run.ticket.isOpen(index) else { continue }
      let waiter = PublishWaiter(ticket: run.ticket, index: index, isResent: run.isResent)
      let start = out.writerIndex
      do throws(WireError) {
        // Number, waiter and bytes: nothing comes between them.
        try FrameWriter.writePublish(
          messages[index], channel: channel, isResent: run.isResent, sequence: confirms.next, frameMax: frameMax,
          to: &out)
        confirms.append(waiter, bytes: out.writerIndex - start)
      } catch {
        let error = Self.tooLarge(error)
        waiter.ticket.complete(
          index, run.isResent ? .unknown(error.asUnknownOutcome()) : .notSent(error), &completions)
      }
    }
  }

  private static func tooLarge(_ error: WireError) -> AMQPError {
    AMQPError(
      .messageTooLarge, "The message cannot be sent: \(error.text). Nothing was sent; make its headers smaller.")
  }

  // MARK: What the broker says

  /// The broker has a publish, or with `multiple` all up to it, or refuses them.
  mutating func settled(
    _ number: UInt64, multiple: Bool, _ result: AMQPPublishResult, _ completions: inout Completions
  ) throws(WireError) {
    if returned.isEmpty {
      try confirms.resolve(number, multiple: multiple) { _, waiter in
        waiter.ticket.complete(waiter.index, result, &completions)
      }
    } else {
      // Out of the machine's hands, and not a copy, for the time of the call.
      var returned: [UInt64: AMQPPublishResult] = [:]
      swap(&returned, &self.returned)
      defer { self.returned = returned }
      try confirms.resolve(number, multiple: multiple) { number, waiter in
        waiter.ticket.complete(waiter.index, returned.removeValue(forKey: number) ?? result, &completions)
      }
    }
  }

  /// The broker hands a message back: no queue takes it. Its confirm follows.
  ///
  /// It is found by the number that we wrote into its headers. Where these cannot be read it is the first of its exchange and
  /// key that was not handed back, as returns come in the order of publishes.
  mutating func messageReturned(
    _ result: AMQPPublishResult, exchange: String, routingKey: String, _ properties: AMQPProperties
  ) {
    if let header = properties.headers?[PropertiesCodec.sequenceHeader]?.integer {
      let number = UInt64(bitPattern: header)
      if confirms.waiter(of: number) != nil { returned[number] = result }
      return
    }
    var first: UInt64?
    confirms.forEach { number, waiter in
      guard first == nil, returned[number] == nil else { return }
      let message = waiter.message
      if message.mandatory, message.exchange == exchange, message.routingKey == routingKey { first = number }
    }
    if let first { returned[first] = result }
  }

  // MARK: Deadlines

  /// Ends what has waited for too long, and returns when to look again. A place in the window is free again, so that one queue
  /// that confirms nothing does not stop the publishes to the others for ever.
  ///
  /// Each look is at all that waits, so the more there is, the longer it takes until the next one: many publishes that end one
  /// behind the other would take all of the event loop's time otherwise.
  mutating func expire(
    _ now: NIODeadline, notSent: AMQPError, _ completions: inout Completions
  ) -> NIODeadline? {
    var next = NIODeadline.distantFuture
    func isDue(_ ticket: PublishTicket) -> Bool {
      if ticket.deadline <= now { return true }
      next = min(next, ticket.deadline)
      return false
    }
    for (number, waiter) in confirms.giveUp(where: { isDue($0.ticket) }) {
      returned[number] = nil
      waiter.ticket.complete(waiter.index, .unknown(Self.confirmTimeout), &completions)
    }
    var late: [PublishRun] = []
    waiting.removeAll { run in
      guard isDue(run.ticket) else { return false }
      late.append(run)
      return true
    }
    for run in late { complete(run, run.isResent ? .unknown(Self.confirmTimeout) : .notSent(notSent), &completions) }
    let pause = TimeAmount.microseconds(Int64(confirms.outstanding + waiting.count))
    return next == .distantFuture ? nil : max(next, now + pause)
  }

  private static let confirmTimeout = AMQPError(
    .unknownOutcome,
    "The message was sent, but no confirm came in time: it may be stored or not. A quorum queue without its majority does that. "
      + "Publish it again with the same message id.")

  // MARK: Ends

  /// The channel's generation is over: what is on the wire is unknown, or goes first in the next one where the options want
  /// that, as far as it has a message id.
  mutating func lost(_ reason: AMQPError, mayResend: Bool, _ completions: inout Completions) {
    let unknown = AMQPPublishResult.unknown(reason.asUnknownOutcome())
    var again: [PublishRun] = []
    for waiter in endGeneration() {
      if mayResend, options.resendsUnknown, waiter.message.properties.messageID != nil,
        waiter.ticket.isOpen(waiter.index)
      {
        again.append(PublishRun(ticket: waiter.ticket, indices: waiter.index..<waiter.index + 1, isResent: true))
      } else {
        waiter.ticket.complete(waiter.index, unknown, &completions)
      }
    }
    guard !again.isEmpty else { return }
    completions.resent += again.count
    waiting.insert(contentsOf: again, at: 0)
  }

  /// The broker closed the channel. A single publish that the broker itself names as the cause was not stored.
  mutating func refused(_ error: AMQPError, isPublish: Bool, _ completions: inout Completions) {
    let isCulprit = isPublish && outstanding == 1
    for waiter in endGeneration() {
      // What was sent on an earlier connection may be stored, whatever the broker says of the second try.
      let isNotSent = isCulprit && !waiter.isResent
      waiter.ticket.complete(
        waiter.index, isNotSent ? .notSent(error) : .unknown(error.asUnknownOutcome()), &completions)
    }
  }

  /// Fails the publishes whose turn has not come.
  mutating func failWaiting(_ error: AMQPError, _ completions: inout Completions) {
    let runs = waiting
    waiting = []
    for run in runs { complete(run, run.isResent ? .unknown(error.asUnknownOutcome()) : .notSent(error), &completions) }
  }

  private mutating func endGeneration() -> [PublishWaiter] {
    confirmMode = .off
    isFlowStopped = false
    returned = [:]
    return confirms.reset()
  }

  private func complete(_ run: PublishRun, _ result: AMQPPublishResult, _ completions: inout Completions) {
    for index in run.indices { run.ticket.complete(index, result, &completions) }
  }
}
