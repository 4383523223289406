import DequeModule
import NIOCore
import Synchronization

/// What a channel is, behind its handle. It outlives connections: each gives it a new number and a new generation.
///
/// Unchecked, because all but the marked members belong to the connection's event loop.
final class ChannelCore: @unchecked Sendable {
  enum Phase {
    /// There is no connection.
    case down
    /// Channel.open is on its way.
    case opening
    case ready
    case closing
    case closed(AMQPError)
  }

  /// Rises with each handle of a connection.
  let id: Int
  let options: AMQPChannelOptions

  // MARK: For every thread

  let ledger = Mutex(SettlementLedger())
  private let currentGeneration = Atomic<UInt64>(0)
  var generation: UInt64 { currentGeneration.load(ordering: .relaxed) }

  // MARK: For the event loop

  var number: UInt16 = 0
  var phase = Phase.down
  /// Whether the broker said open-ok on the current connection.
  var isOpenOnWire = false
  /// Whether channel.close was sent on the current connection. The number is free once the broker has answered it.
  var hasSaidGoodbye = false
  /// Who waits for that answer.
  var goodbye: Request?
  var requests = RequestQueue<Request>()
  /// Requests that wait for the channel to be ready.
  var held: Deque<(Method, Request)> = []
  /// Those who wait for nothing but that.
  var readyWaiters: [Request] = []
  var assembler: ContentAssembler
  /// Unchecked, as nothing that is called while it changes comes back here, and it changes with each message.
  @exclusivity(unchecked) var confirms = ConfirmTracker<PublishWaiter>()
  var pending: Deque<PublishRun> = []
  var confirmMode = ConfirmMode.off
  var isFlowStopped = false
  /// Whether the fetch on the wire is one to settle.
  var isGetAcknowledged = true
  var consumers: [String: ConsumerCore] = [:] { didSet { lastConsumer = nil } }
  private var lastConsumer: ConsumerCore?
  var deadlineTimer: Scheduled<Void>?
  var nextDeadline = NIODeadline.distantFuture
  /// Whether publishes may go out after the next read because of what it brought.
  var wantsPump = false

  enum ConfirmMode { case off, asked, on }

  init(id: Int, options: AMQPChannelOptions, maxBodySize: Int) {
    self.id = id
    self.options = options
    assembler = ContentAssembler(maxBodySize: maxBodySize)
  }

  /// The consumer of a delivery, mostly that of the one before.
  func consumer(_ tag: String) -> ConsumerCore? {
    if let lastConsumer, lastConsumer.request.consumerTag == tag { return lastConsumer }
    let consumer = consumers[tag]
    lastConsumer = consumer
    return consumer
  }

  var isReady: Bool { if case .ready = phase { true } else { false } }
  var isClosed: Bool { if case .closed = phase { true } else { false } }

  /// Begins the next life: old delivery tags mean nothing from here on.
  func startGeneration() {
    let generation = ledger.withLock { ledger in
      ledger.startGeneration()
      return ledger.generation
    }
    currentGeneration.store(generation, ordering: .relaxed)
    assembler = ContentAssembler(maxBodySize: assembler.maxBodySize)
    confirmMode = .off
    isFlowStopped = false
  }
}

/// A consumer, behind its sequence. It too outlives connections.
final class ConsumerCore: @unchecked Sendable {
  let request: BasicConsume
  let prefetch: UInt16
  let buffer = DeliveryBuffer()
  private let cancelled = Atomic<Bool>(false)
  /// Whether reading from the socket waits for this consumer. Set on the event loop.
  let holdsReads = Atomic<Bool>(false)

  // MARK: For the event loop

  /// What the current read brought.
  var arrived: [AMQPDelivery] = []
  var isTouched = false
  var isSubscribed = false
  /// Whether basic.cancel was sent. The consumer is known until the broker has agreed.
  var isLeaving = false
  /// Whether what still comes goes back, though what is there is handed out.
  var takesNoMore = false

  init(request: BasicConsume, prefetch: UInt16) {
    self.request = request
    self.prefetch = prefetch
  }

  var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  func markCancelled() { cancelled.store(true, ordering: .relaxed) }

  /// Returns a delivery that nobody will see. Without acknowledgements there is nothing to return it to.
  func giveBack(_ delivery: AMQPDelivery) {
    if !request.noAck { delivery.nack(requeue: true) }
  }

  /// How many deliveries may wait before the socket is no longer read. With acknowledgements the broker keeps to the
  /// prefetch, so only one that does not is stopped by this.
  var highWater: Int { request.noAck || prefetch == 0 ? 1024 : Int(prefetch) * 2 }
}

/// A request to the broker and what to do with the answer. It is answered once.
final class Request: @unchecked Sendable {
  struct Answer {
    let method: Method
    var content: ContentAssembler.Content?
    /// The life of the channel in which the answer came.
    var generation: UInt64 = 0
  }

  var id: UInt64 = 0
  var timer: Scheduled<Void>?
  private var done: ((Result<Answer, AMQPError>) -> Void)?

  init(_ done: @escaping (Result<Answer, AMQPError>) -> Void) { self.done = done }

  var isOpen: Bool { done != nil }

  func finish(_ result: Result<Answer, AMQPError>) {
    guard let done else { return }
    self.done = nil
    timer?.cancel()
    done(result)
  }
}
