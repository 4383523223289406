public import NIOCore
import Synchronization

/// A message that the broker handed to a consumer, or that was fetched with ``AMQPChannel/get(_:noAck:)``.
///
/// Settle it once, with ``ack()``, ``nack(requeue:)`` or ``reject(requeue:)``, from any task. Settling does not wait: AMQP has
/// no answer to it. What is settled together is written together. If the connection is lost first, the broker hands the
/// message out again, and settling this delivery changes nothing: that is ``AMQPSettlement/stale``.
public struct AMQPDelivery: Sendable {
  private final class Storage: Sendable {
    let properties: AMQPProperties
    let body: ByteBuffer
    let info: BasicDeliver
    let messageCount: UInt32?
    let core: ChannelCore
    let generation: UInt64

    init(
      _ content: ContentAssembler.Content, _ info: BasicDeliver, _ messageCount: UInt32?, _ core: ChannelCore,
      _ generation: UInt64
    ) {
      properties = content.properties
      body = content.body
      self.info = info
      self.messageCount = messageCount
      self.core = core
      self.generation = generation
    }
  }

  private let storage: Storage

  init(
    content: ContentAssembler.Content, info: BasicDeliver, messageCount: UInt32? = nil, core: ChannelCore,
    generation: UInt64
  ) {
    storage = Storage(content, info, messageCount, core, generation)
  }

  /// The exchange to which the message was published.
  public var exchange: String { storage.info.exchange }
  /// The routing key with which it was published.
  public var routingKey: String { storage.info.routingKey }
  /// Whether the broker handed it out before.
  public var redelivered: Bool { storage.info.redelivered }
  /// The consumer's tag; empty for a fetched message.
  public var consumerTag: String { storage.info.consumerTag }
  /// The number of the delivery on its channel.
  public var deliveryTag: UInt64 { storage.info.deliveryTag }
  /// The properties.
  public var properties: AMQPProperties { storage.properties }
  /// The headers among the properties; empty if there are none.
  public var headers: AMQPTable { storage.properties.headers ?? AMQPTable() }
  /// The body. It shares memory with what was read from the socket, up to 64 KiB; copy it to keep it for long.
  public var body: ByteBuffer { storage.body }
  /// The body as UTF-8, repaired where it is none.
  public var text: String { String(buffer: storage.body) }
  /// How many messages the queue held after this one was fetched; `nil` for a consumer's delivery.
  public var messageCount: UInt32? { storage.messageCount }

  /// Whether the connection and the channel that brought the delivery still live. If not, the broker hands the message out
  /// again, and settling this delivery is ``AMQPSettlement/stale``.
  public var isCurrent: Bool { storage.generation == storage.core.ledger.generation }

  /// Sees to it that the event loop looks for settlements of its channel after a short wait, unless they are written at once. Returns whether
  /// that has to be arranged.
  func announceSettlements() -> Bool {
    storage.core.ledger.withLock { $0.isQuiet(.now()) ? false : $0.announce() }
  }

  /// The generation of the channel in which the delivery counts.
  var generation: UInt64 { storage.generation }

  /// Tells the broker that the message is dealt with.
  @discardableResult
  public func ack() -> AMQPSettlement {
    storage.core.settle(storage.info.deliveryTag, generation: storage.generation, .ack)
  }

  /// Gives the message back without a fault of its own, for instance because this process stops. From RabbitMQ 4.3 on this
  /// does not count towards `x-delivery-limit`; before, it does.
  @discardableResult
  public func nack(requeue: Bool = true) -> AMQPSettlement {
    storage.core.settle(storage.info.deliveryTag, generation: storage.generation, .nack(requeue: requeue))
  }

  /// Refuses the message. With `requeue: false` the broker drops or dead-letters it.
  @discardableResult
  public func reject(requeue: Bool = false) -> AMQPSettlement {
    storage.core.settle(storage.info.deliveryTag, generation: storage.generation, .reject(requeue: requeue))
  }
}
