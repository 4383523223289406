import DequeModule
import NIOCore
import NIOSSL

/// One socket with its handshake, its buffers and its timers. A connection that recovers has one after the other.
///
/// Unchecked, because it belongs to the event loop.
final class Link: @unchecked Sendable {
  let eventLoop: any EventLoop
  var socket: (any Channel)?
  var machine: ConnectionMachine {
    didSet {
      isClosed = machine.state == .closed
      maySend = machine.state == .open
    }
  }
  /// Whether the machine is closed. Swift checks each access to what is changed in place, and this is asked for each frame.
  private(set) var isClosed = false
  /// Whether frames of channels may be written: not before the connection is open, and not after connection.close.
  private(set) var maySend = false
  var decoder = FrameDecoder()
  /// The largest frame to accept.
  var inboundFrameMax = FrameDecoder.frameMaxBeforeTuning
  /// Unchecked, as nothing that is called while it changes comes back here, and it changes with each message.
  @exclusivity(unchecked) var out = ByteBuffer()
  var tune = TuneValues(channelMax: 0, frameMax: UInt32(FrameDecoder.frameMaxBeforeTuning), heartbeat: 0)
  var heartbeat: HeartbeatMonitor?
  var heartbeatTimer: RepeatedTask?
  var handshakeTimer: Scheduled<Void>?
  var closeTimer: Scheduled<Void>?
  /// Succeeds when the connection is open.
  let opened: EventLoopPromise<Void>
  /// Succeeds with the reason when the socket is gone.
  let ended: EventLoopPromise<AMQPError>
  var hasEnded = false
  var underlying: (any Error)?
  /// The name that the broker's certificate must carry.
  var serverName: String?
  var isOpen = false
  /// For how long the credentials are good with which it logged in; `nil` if they do not expire.
  var validFor: Duration?
  /// Whether the topology was applied, and channels may follow.
  var channelsMayOpen = false
  var blockedReason: String?
  var channels: [UInt16: ChannelCore] = [:]
  /// Channels that wait for a number, in order.
  var waiting: Deque<ChannelCore> = []
  /// Numbers that stay reserved until the broker has closed their channels as well.
  var abandoned: [UInt16: AbandonedChannel] = [:]
  /// Answers that were written while the socket took nothing.
  var unreadReplies = 0
  var gate = ReadGate<ObjectIdentifier>()
  private var lastNumber: UInt16 = 0

  init(eventLoop: any EventLoop, machine: ConnectionMachine) {
    self.eventLoop = eventLoop
    self.machine = machine
    opened = eventLoop.makePromise()
    ended = eventLoop.makePromise()
  }

  /// The largest frame to write.
  var frameMax: Int { Int(tune.frameMax) }

  /// How many channels the broker knows.
  var channelCount: Int { channels.count + abandoned.count }
  /// How many of them are being opened.
  var openingChannels: Int { channels.values.count { $0.machine.isOpening } }

  /// A channel number that is not in use. All others come first before one that was freed is used again.
  func freeNumber() -> UInt16? {
    let most = tune.channelMax == 0 ? UInt16.max : tune.channelMax
    guard channelCount < Int(most) else { return nil }
    var number = lastNumber
    repeat { number = number >= most ? 1 : number + 1 } while channels[number] != nil || abandoned[number] != nil
    lastNumber = number
    return number
  }

  /// Adds a method to what the next flush writes. What cannot be encoded, or is larger than a frame, is not written.
  func write(_ method: Method, channel: UInt16) -> WireError? {
    let start = out.writerIndex
    do throws(WireError) {
      try FrameWriter.write(method, channel: channel, to: &out)
    } catch { return error }
    let size = out.writerIndex - start
    guard size > frameMax, isOpen else { return nil }
    out.moveWriterIndex(to: start)
    return .frame("it takes \(size) bytes, and a frame holds \(frameMax)")
  }

  /// Writes all that has gathered. A socket that takes it at once says so before this returns, and more is written then: so what
  /// is being written must not be found in `out` any more.
  func flush() {
    guard out.readableBytes > 0, let socket else { return }
    heartbeat?.sent(.now())
    var bytes = ByteBuffer()
    swap(&bytes, &out)
    socket.writeAndFlush(bytes, promise: nil)
    guard out.readableBytes == 0 else { return }
    // If the socket took it all, nothing else holds the memory and it is used again.
    bytes.clear()
    out = bytes
  }

  func setReading(_ on: Bool) {
    guard let socket else { return }
    try? socket.syncOptions?.setOption(.autoRead, value: on)
  }

  /// Closes the socket without TLS's own close: that one waits for a peer that may be the trouble.
  func closeAtOnce() {
    guard let socket else { return }
    // From the TLS handler's place a close goes to the socket and not through TLS.
    if let tls = try? socket.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
      tls.close(promise: nil)
    } else {
      socket.close(promise: nil)
    }
  }

  func stopTimers() {
    heartbeatTimer?.cancel()
    handshakeTimer?.cancel()
    closeTimer?.cancel()
  }
}
