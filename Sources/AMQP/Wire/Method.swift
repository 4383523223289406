import NIOCore

/// Every method of AMQP 0-9-1 as RabbitMQ speaks it, in both directions: the client sends some, receives others, and the tests
/// play the broker with the same code.
enum Method: Sendable, Equatable {
  case connectionStart(
    versionMajor: UInt8, versionMinor: UInt8, properties: AMQPTable, mechanisms: String, locales: String)
  case connectionStartOk(properties: AMQPTable, mechanism: String, response: ByteBuffer, locale: String)
  case connectionSecure(challenge: ByteBuffer)
  case connectionSecureOk(response: ByteBuffer)
  case connectionTune(TuneValues)
  case connectionTuneOk(TuneValues)
  case connectionOpen(virtualHost: String)
  case connectionOpenOk
  case connectionClose(CloseReason)
  case connectionCloseOk
  case connectionBlocked(reason: String)
  case connectionUnblocked
  case connectionUpdateSecret(secret: ByteBuffer, reason: String)
  case connectionUpdateSecretOk

  case channelOpen
  case channelOpenOk
  case channelFlow(active: Bool)
  case channelFlowOk(active: Bool)
  case channelClose(CloseReason)
  case channelCloseOk

  case accessRequest(realm: String, flags: UInt8)
  case accessRequestOk(ticket: UInt16)

  case exchangeDeclare(ExchangeDeclare)
  case exchangeDeclareOk
  case exchangeDelete(exchange: String, ifUnused: Bool, noWait: Bool)
  case exchangeDeleteOk
  case exchangeBind(ExchangeBinding)
  case exchangeBindOk
  case exchangeUnbind(ExchangeBinding)
  case exchangeUnbindOk

  case queueDeclare(QueueDeclare)
  case queueDeclareOk(queue: String, messages: UInt32, consumers: UInt32)
  case queueBind(queue: String, exchange: String, routingKey: String, noWait: Bool, arguments: AMQPTable)
  case queueBindOk
  case queuePurge(queue: String, noWait: Bool)
  case queuePurgeOk(messages: UInt32)
  case queueDelete(queue: String, ifUnused: Bool, ifEmpty: Bool, noWait: Bool)
  case queueDeleteOk(messages: UInt32)
  case queueUnbind(queue: String, exchange: String, routingKey: String, arguments: AMQPTable)
  case queueUnbindOk

  case basicQos(prefetchSize: UInt32, prefetchCount: UInt16, global: Bool)
  case basicQosOk
  case basicConsume(BasicConsume)
  case basicConsumeOk(consumerTag: String)
  case basicCancel(consumerTag: String, noWait: Bool)
  case basicCancelOk(consumerTag: String)
  case basicPublish(exchange: String, routingKey: String, mandatory: Bool, immediate: Bool)
  case basicReturn(replyCode: UInt16, replyText: String, exchange: String, routingKey: String)
  case basicDeliver(BasicDeliver)
  case basicGet(queue: String, noAck: Bool)
  case basicGetOk(deliveryTag: UInt64, redelivered: Bool, exchange: String, routingKey: String, messages: UInt32)
  case basicGetEmpty
  case basicAck(deliveryTag: UInt64, multiple: Bool)
  case basicReject(deliveryTag: UInt64, requeue: Bool)
  case basicRecoverAsync(requeue: Bool)
  case basicRecover(requeue: Bool)
  case basicRecoverOk
  case basicNack(deliveryTag: UInt64, multiple: Bool, requeue: Bool)

  case confirmSelect(noWait: Bool)
  case confirmSelectOk

  case txSelect
  case txSelectOk
  case txCommit
  case txCommitOk
  case txRollback
  case txRollbackOk

  /// Whether content (a header and a body) follows the method.
  var carriesContent: Bool {
    switch self {
    case .basicPublish, .basicReturn, .basicDeliver, .basicGetOk: true
    default: false
    }
  }
}

/// What both sides agree on while opening a connection.
struct TuneValues: Sendable, Equatable {
  /// The highest channel number; 0 is no limit.
  var channelMax: UInt16
  /// The largest frame in bytes; 0 is no limit.
  var frameMax: UInt32
  /// Seconds between heartbeats; 0 is none.
  var heartbeat: UInt16
}

/// Why a connection or channel is closed, and which method led to it.
struct CloseReason: Sendable, Equatable {
  var replyCode: UInt16
  var replyText: String
  var classID: UInt16 = 0
  var methodID: UInt16 = 0
}

struct ExchangeDeclare: Sendable, Equatable {
  var exchange: String
  var type: String
  var passive = false
  var durable = false
  var autoDelete = false
  var isInternal = false
  var noWait = false
  var arguments = AMQPTable()
}

struct ExchangeBinding: Sendable, Equatable {
  var destination: String
  var source: String
  var routingKey: String
  var noWait = false
  var arguments = AMQPTable()
}

struct QueueDeclare: Sendable, Equatable {
  var queue: String
  var passive = false
  var durable = false
  var exclusive = false
  var autoDelete = false
  var noWait = false
  var arguments = AMQPTable()
}

struct BasicConsume: Sendable, Equatable {
  var queue: String
  var consumerTag: String
  var noLocal = false
  var noAck = false
  var exclusive = false
  var noWait = false
  var arguments = AMQPTable()
}

struct BasicDeliver: Sendable, Equatable {
  var consumerTag: String
  var deliveryTag: UInt64
  var redelivered: Bool
  var exchange: String
  var routingKey: String
}

/// The number of a method: its class in the upper, itself in the lower half.
struct MethodID: Sendable, Hashable {
  let classID: UInt16
  let methodID: UInt16

  init(_ classID: UInt16, _ methodID: UInt16) {
    self.classID = classID
    self.methodID = methodID
  }

  /// Both halves in one integer, to switch over.
  var raw: UInt32 { UInt32(classID) << 16 | UInt32(methodID) }
}
