import NIOCore

@testable import AMQP

enum Samples {
  /// A table with every type of field.
  static let table: AMQPTable = [
    "null": nil, "true": true, "false": false, "int8": .int8(-5), "uint8": .uint8(250), "int16": .int16(-3000),
    "uint16": .uint16(60_000), "int32": .int32(-70_000), "uint32": .uint32(4_000_000_000), "int64": .int64(.min),
    "float": .float(1.5), "double": .double(-2.25), "decimal": .decimal(scale: 2, raw: 314), "string": "grüße",
    "bytes": .bytes(ByteBuffer(bytes: [0, 255, 128])), "not-utf8": .longBytes(ByteBuffer(bytes: [0xFF, 0xFE])),
    "timestamp": .timestamp(1_700_000_000), "array": [1, "two", [3.5, ["four": nil]]], "table": ["in": ["in": 1]],
    "empty": "", "empty-table": [:], "empty-array": [],
  ]

  /// Every method with every field set to something that can be told from a default.
  static let methods: [Method] = [
    .connectionStart(
      versionMajor: 0, versionMinor: 9, properties: ["a": 1], mechanisms: "PLAIN AMQPLAIN", locales: "en_US"),
    .connectionStartOk(
      properties: ["b": true], mechanism: "PLAIN", response: ByteBuffer(string: "\0u\0p"), locale: "en_US"),
    .connectionSecure(challenge: ByteBuffer(string: "why")),
    .connectionSecureOk(response: ByteBuffer(string: "because")),
    .connectionTune(TuneValues(channelMax: 2047, frameMax: 131_072, heartbeat: 60)),
    .connectionTuneOk(TuneValues(channelMax: 1, frameMax: 8192, heartbeat: 7)), .connectionOpen(virtualHost: "/v"),
    .connectionOpenOk,
    .connectionClose(CloseReason(replyCode: 320, replyText: "CONNECTION_FORCED", classID: 60, methodID: 40)),
    .connectionCloseOk, .connectionBlocked(reason: "low on memory"), .connectionUnblocked,
    .connectionUpdateSecret(secret: ByteBuffer(string: "s"), reason: "r"), .connectionUpdateSecretOk, .channelOpen,
    .channelOpenOk, .channelFlow(active: true), .channelFlowOk(active: false),
    .channelClose(CloseReason(replyCode: 404, replyText: "NOT_FOUND", classID: 50, methodID: 10)), .channelCloseOk,
    .accessRequest(realm: "/data", flags: 3), .accessRequestOk(ticket: 9),
    .exchangeDeclare(
      ExchangeDeclare(
        exchange: "e", type: "topic", passive: true, durable: false, autoDelete: true, isInternal: false, noWait: true,
        arguments: ["x": 1])), .exchangeDeclareOk, .exchangeDelete(exchange: "e", ifUnused: true, noWait: false),
    .exchangeDeleteOk,
    .exchangeBind(
      ExchangeBinding(destination: "d", source: "s", routingKey: "k", noWait: true, arguments: ["y": "z"])),
    .exchangeBindOk, .exchangeUnbind(ExchangeBinding(destination: "d", source: "s", routingKey: "k")),
    .exchangeUnbindOk,
    .queueDeclare(
      QueueDeclare(
        queue: "q", passive: false, durable: true, exclusive: false, autoDelete: true, noWait: false,
        arguments: ["x-queue-type": "quorum"])), .queueDeclareOk(queue: "q", messages: 7, consumers: 2),
    .queueBind(queue: "q", exchange: "e", routingKey: "k", noWait: true, arguments: ["h": 1]), .queueBindOk,
    .queuePurge(queue: "q", noWait: true), .queuePurgeOk(messages: 3),
    .queueDelete(queue: "q", ifUnused: true, ifEmpty: false, noWait: true), .queueDeleteOk(messages: 4),
    .queueUnbind(queue: "q", exchange: "e", routingKey: "k", arguments: [:]), .queueUnbindOk,
    .basicQos(prefetchSize: 0, prefetchCount: 50, global: true), .basicQosOk,
    .basicConsume(
      BasicConsume(
        queue: "q", consumerTag: "c", noLocal: true, noAck: false, exclusive: true, noWait: false, arguments: ["p": 1])),
    .basicConsumeOk(consumerTag: "c"), .basicCancel(consumerTag: "c", noWait: true), .basicCancelOk(consumerTag: "c"),
    .basicPublish(exchange: "e", routingKey: "k", mandatory: true, immediate: false),
    .basicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "e", routingKey: "k"),
    .basicDeliver(
      BasicDeliver(consumerTag: "c", deliveryTag: .max, redelivered: true, exchange: "e", routingKey: "k")),
    .basicGet(queue: "q", noAck: true),
    .basicGetOk(deliveryTag: 5, redelivered: true, exchange: "e", routingKey: "k", messages: 6), .basicGetEmpty,
    .basicAck(deliveryTag: 1, multiple: true), .basicReject(deliveryTag: 2, requeue: true),
    .basicRecoverAsync(requeue: true), .basicRecover(requeue: false), .basicRecoverOk,
    .basicNack(deliveryTag: 3, multiple: false, requeue: true), .confirmSelect(noWait: true), .confirmSelectOk,
    .txSelect, .txSelectOk, .txCommit, .txCommitOk, .txRollback, .txRollbackOk,
  ]
}

extension AMQPTable {
  /// The same fields in the order of their names, at every depth: RabbitMQ 4 hands headers out in an order of its own.
  var sorted: AMQPTable { AMQPTable(self.map { ($0.key, $0.value.sorted) }.sorted { $0.0 < $1.0 }) }
}

extension AMQPValue {
  var sorted: AMQPValue {
    switch self {
    case .table(let table): .table(table.sorted)
    case .array(let values): .array(values.map(\.sorted))
    default: self
    }
  }
}

extension AMQPProperties {
  var sorted: AMQPProperties {
    var copy = self
    copy.headers = headers?.sorted
    return copy
  }
}
