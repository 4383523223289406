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
    if let lastConsumer, lastConsumer.tag == tag { return lastConsumer }
    let consumer = consumers[tag]
    lastConsumer = consumer
    return consumer
  }

  /// Whether an answer of the broker is awaited here.
  var isAwaiting: Bool {
    if !requests.isEmpty || confirms.outstanding > 0 { return true }
    if case .closing = phase { return true }
    return false
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
