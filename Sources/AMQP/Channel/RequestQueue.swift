import DequeModule

/// The requests of a channel: one is on the wire, the others wait for their turn.
///
/// A request whose caller gave up keeps its place until the answer comes, so that the answer cannot be taken for another's.
struct RequestQueue<Waiter> {
  private var current: (request: Method, waiter: Waiter?)?
  private var waiting: Deque<(id: UInt64, request: Method, waiter: Waiter)> = []
  private var currentID: UInt64 = 0
  private var nextID: UInt64 = 1

  /// Whether nothing is on the wire or waits.
  var isEmpty: Bool { current == nil && waiting.isEmpty }

  /// Adds a request. Send what ``next()`` returns afterwards.
  mutating func append(_ request: Method, _ waiter: Waiter) -> UInt64 {
    let id = nextID
    nextID += 1
    waiting.append((id, request, waiter))
    return id
  }

  /// The request to send now, if any.
  mutating func next() -> Method? {
    guard current == nil, let first = waiting.popFirst() else { return nil }
    current = (first.request, first.waiter)
    currentID = first.id
    return first.request
  }

  /// Takes an answer. Returns its waiter, `nil` inside if that gave up, and throws if nobody asked for it.
  mutating func answer(_ reply: Method) throws(WireError) -> Waiter? {
    guard let asked = current, asked.request.isAnswered(by: reply) else {
      throw .command("an answer (\(reply.id.classID), \(reply.id.methodID)) to no request")
    }
    current = nil
    return asked.waiter
  }

  /// Whether `reply` answers what is on the wire.
  func expects(_ reply: Method) -> Bool { current?.request.isAnswered(by: reply) ?? false }

  /// Gives up waiting for a request. One that was not sent yet is forgotten.
  mutating func abandon(_ id: UInt64) -> Waiter? {
    if current != nil, currentID == id {
      let waiter = current?.waiter
      current?.waiter = nil
      return waiter
    }
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
    return waiting.remove(at: index).waiter
  }

  /// Ends all requests.
  mutating func removeAll() -> [Waiter] {
    let waiters = (current?.waiter).map { [$0] } ?? []
    let rest = waiting.map(\.waiter)
    current = nil
    waiting.removeAll()
    return waiters + rest
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
