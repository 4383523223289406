import NIOCore
import Testing

@testable import AMQP

/// A consumer that notes what it is told.
final class NotedConsumer: ChannelConsumer {
  let tag: String
  let noAck = false
  let prefetch: UInt16 = 10
  var start: Request?
  var isLeaving = false
  var isSubscribed = false
  var isAsked = false
  var end: Result<Void, AMQPError>?
  var losses = 0

  init(_ tag: String) { self.tag = tag }

  var request: BasicConsume { BasicConsume(queue: "q", consumerTag: tag) }

  func subscribe() -> Bool {
    guard !isAsked, !isLeaving else { return false }
    isAsked = true
    return true
  }

  func subscribed() { isSubscribed = true }

  func leave(_ way: ConsumerLeave) -> ConsumerCancellation {
    if isLeaving { return .isOver }
    isLeaving = true
    return isAsked ? .send(waits: isSubscribed) : .ended
  }
}

/// Runs what a channel machine decides, and notes it.
struct ChannelShell {
  typealias Machine = ChannelMachine<NotedConsumer>

  var machine: Machine
  var completions = Completions()
  var sent: [Method] = []
  var hasNumber = false
  var abandoned: [AbandonedChannel] = []
  var pauses: [Int] = []
  var isForgotten = false
  var watches = 0
  var now = NIODeadline.uptimeNanoseconds(1_000_000_000)

  init(_ options: AMQPChannelOptions = .init(), isInternal: Bool = false) {
    machine = Machine(
      .init(channel: options, maxBodySize: 1000, replyTimeout: .seconds(30), isInternal: isInternal))
  }

  mutating func run(_ actions: [Machine.Action]) {
    for action in actions {
      switch action {
      case .send(let method):
        #expect(hasNumber, "\(method) without a number")
        sent.append(method)
      case .finish(let request, let result): request.finish(result)
      case .tell(let consumer, let event):
        switch event {
        case .agreed: consumer.end = consumer.end ?? .success(())
        case .lost:
          consumer.losses += 1
          consumer.isAsked = false
          consumer.isSubscribed = false
        case .ended(let result, _): consumer.end = consumer.end ?? result
        }
      case .freeNumber: hasNumber = false
      case .abandonNumber(let left):
        if hasNumber { abandoned.append(left) }
        hasNumber = false
      case .open: open()
      case .openLater(let attempt, _): pauses.append(attempt)
      case .watchAnswer: watches += 1
      case .pump: pump()
      case .forget: isForgotten = true
      }
    }
  }

  mutating func open() {
    guard machine.isDown else { return }
    hasNumber = true
    run(machine.open())
  }

  mutating func pump() {
    guard machine.isReady else { return }
    run(machine.askForConfirmMode(now: now))
    var out = ByteBuffer()
    while machine.publishing.write(to: &out, channel: 1, frameMax: 131_072, &completions) { out.clear() }
  }

  mutating func receive(_ method: Method) throws {
    run(try machine.receive(method, now: now, &completions))
  }

  mutating func becomeReady() throws {
    open()
    try receive(.channelOpenOk)
    sent = []
  }

  mutating func submit(_ method: Method) -> RequestOutcome {
    let outcome = RequestOutcome()
    run(machine.submit(method, outcome.request, now: now, &completions))
    return outcome
  }

  mutating func add(_ consumer: NotedConsumer) -> RequestOutcome {
    let outcome = RequestOutcome()
    run(machine.add(consumer, outcome.request, now: now, &completions))
    return outcome
  }

  mutating func publish(_ count: Int = 1, id: String? = nil, within seconds: Int64 = 30) -> PublishTicket {
    let ticket = PublishTicket(
      (0..<count).map { _ in AMQPMessage(routingKey: "k", properties: .init(messageID: id), body: "x") },
      deadline: now + .seconds(seconds))
    machine.publishing.append(ticket)
    pump()
    return ticket
  }

  mutating func lose() {
    run(machine.lost(AMQPError(.connectionLost, "lost"), mayResend: true, &completions))
    hasNumber = false
  }
}

/// What a request came to. It counts, because each may come to something once.
final class RequestOutcome {
  private(set) var results: [Result<Request.Answer, AMQPError>] = []
  private(set) lazy var request = Request { [self] in results.append($0) }
  var isOpen: Bool { results.isEmpty }
  var method: Method? { if case .success(let answer) = results.first { answer.method } else { nil } }
  var code: AMQPError.Code? { if case .failure(let error) = results.first { error.code } else { nil } }
}
