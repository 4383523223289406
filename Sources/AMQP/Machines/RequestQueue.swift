import DequeModule
import NIOCore

/// The requests of a channel: one is on the wire, the others wait for their turn.
///
/// A request whose caller gave up keeps its place until the answer comes, so that the answer cannot be taken for another's. A
/// request can have a second step, which nothing comes in front of.
struct RequestQueue<Asker> {
  struct Entry {
    let id: UInt64
    var request: Method
    /// What follows the first answer.
    var then: Method?
    var asker: Asker?
  }

  private(set) var current: Entry?
  private var waiting: Deque<Entry> = []
  private var sentAt = NIODeadline.uptimeNanoseconds(0)
  private var lastID: UInt64 = 0

  /// Whether nothing is on the wire or waits.
  var isEmpty: Bool { current == nil && waiting.isEmpty }

  /// Whether an answer is awaited that a caller still wants.
  var isAwaited: Bool { !waiting.isEmpty || current?.asker != nil }

  /// Adds a request. Send what ``next(now:)`` returns afterwards.
  @discardableResult
  mutating func append(_ request: Method, then: Method? = nil, _ asker: Asker) -> UInt64 {
    lastID += 1
    waiting.append(Entry(id: lastID, request: request, then: then, asker: asker))
    return lastID
  }

  /// The request to send now, if any.
  mutating func next(now: NIODeadline) -> Method? {
    guard current == nil, let first = waiting.popFirst() else { return nil }
    current = first
    sentAt = now
    return first.request
  }

  enum Answer {
    /// The request was answered; there is no asker if its caller gave up.
    case done(Asker?, request: Method)
    /// The second step is to be sent.
    case next(Method)
  }

  /// Takes an answer. Throws if nothing asked for it.
  mutating func answer(_ reply: Method, now: NIODeadline) throws(WireError) -> Answer {
    guard var asked = current, asked.request.isAnswered(by: reply) else {
      throw .command("an answer (\(reply.id.classID), \(reply.id.methodID)) to no request")
    }
    guard let then = asked.then, asked.asker != nil else {
      current = nil
      return .done(asked.asker, request: asked.request)
    }
    asked.request = then
    asked.then = nil
    current = asked
    sentAt = now
    return .next(then)
  }

  /// Whether `reply` answers what is on the wire.
  func expects(_ reply: Method) -> Bool { current?.request.isAnswered(by: reply) ?? false }

  /// Whether what is on the wire has had no answer for as long.
  func isUnanswered(for time: TimeAmount, now: NIODeadline) -> Bool { current != nil && now - sentAt >= time }

  /// The time for the answer begins now.
  mutating func startTime(_ now: NIODeadline) { sentAt = now }

  /// Gives up waiting for a request. One that was not sent yet is forgotten.
  mutating func abandon(_ id: UInt64) -> Asker? {
    if current?.id == id {
      defer { current?.asker = nil }
      return current?.asker
    }
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
    return waiting.remove(at: index).asker
  }

  /// What was to be sent was not: there will be no answer.
  mutating func dropCurrent() { current = nil }

  /// Ends all requests: the one on the wire, and those that were not sent.
  mutating func removeAll() -> (sent: Entry?, unsent: [Entry]) {
    defer {
      current = nil
      waiting.removeAll()
    }
    return (current, Array(waiting))
  }
}

extension Method {
  /// Whether `reply` is an answer to this request.
  func isAnswered(by reply: Method) -> Bool {
    switch (self, reply) {
    case (.channelOpen, .channelOpenOk), (.channelClose, .channelCloseOk), (.channelFlow, .channelFlowOk),
      (.exchangeDeclare, .exchangeDeclareOk), (.exchangeDelete, .exchangeDeleteOk), (.exchangeBind, .exchangeBindOk),
      (.exchangeUnbind, .exchangeUnbindOk), (.queueDeclare, .queueDeclareOk), (.queueBind, .queueBindOk),
      (.queueUnbind, .queueUnbindOk), (.queuePurge, .queuePurgeOk), (.queueDelete, .queueDeleteOk),
      (.basicQos, .basicQosOk), (.basicGet, .basicGetOk), (.basicGet, .basicGetEmpty),
      (.basicRecover, .basicRecoverOk), (.confirmSelect, .confirmSelectOk), (.txSelect, .txSelectOk),
      (.txCommit, .txCommitOk), (.txRollback, .txRollbackOk), (.accessRequest, .accessRequestOk):
      true
    case (.basicConsume(let consume), .basicConsumeOk(let tag)): consume.consumerTag == tag
    case (.basicCancel(let asked, _), .basicCancelOk(let tag)): asked == tag
    default: false
    }
  }
}
