import NIOCore

extension Method {
  /// Reads a method from the payload of its frame. Bytes after the last field are ignored, as a later revision may add fields.
  static func read(_ buffer: inout ByteBuffer) throws(WireError) -> Method {
    var names = DeliveryNames()
    return try read(&buffer, &names)
  }

  /// The same, with the names of the deliveries before.
  static func read(_ buffer: inout ByteBuffer, _ names: inout DeliveryNames) throws(WireError) -> Method {
    let classID = try buffer.amqpInteger(UInt16.self)
    let methodID = try buffer.amqpInteger(UInt16.self)
    switch classID {
    case 60: return try readBasic(methodID, &buffer, &names)
    case 10: return try readConnection(methodID, &buffer)
    case 20: return try readChannel(methodID, &buffer)
    case 40: return try readExchange(methodID, &buffer)
    case 50: return try readQueue(methodID, &buffer)
    default: return try readOther(classID, methodID, &buffer)
    }
  }

  private static func readBasic(
    _ id: UInt16, _ buffer: inout ByteBuffer, _ names: inout DeliveryNames
  ) throws(WireError) -> Method {
    switch id {
    case 60:
      let consumerTag = try names.consumerTag.read(&buffer)
      let deliveryTag = try buffer.amqpInteger(UInt64.self)
      let redelivered = try buffer.amqpInteger(UInt8.self) & 1 != 0
      return .basicDeliver(
        BasicDeliver(
          consumerTag: consumerTag, deliveryTag: deliveryTag, redelivered: redelivered,
          exchange: try names.exchange.read(&buffer), routingKey: try names.routingKey.read(&buffer)))
    case 80:
      return .basicAck(deliveryTag: try buffer.amqpInteger(), multiple: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 120:
      let tag = try buffer.amqpInteger(UInt64.self)
      let bits = try buffer.amqpInteger(UInt8.self)
      return .basicNack(deliveryTag: tag, multiple: bits & 1 != 0, requeue: bits & 2 != 0)
    case 90:
      return .basicReject(deliveryTag: try buffer.amqpInteger(), requeue: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 10:
      return .basicQos(
        prefetchSize: try buffer.amqpInteger(), prefetchCount: try buffer.amqpInteger(),
        global: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 11: return .basicQosOk
    case 20:
      _ = try buffer.amqpInteger(UInt16.self)
      let queue = try buffer.amqpShortString()
      let tag = try buffer.amqpShortString()
      let bits = try buffer.amqpInteger(UInt8.self)
      return .basicConsume(
        BasicConsume(
          queue: queue, consumerTag: tag, noLocal: bits & 1 != 0, noAck: bits & 2 != 0, exclusive: bits & 4 != 0,
          noWait: bits & 8 != 0, arguments: try TableCodec.readTable(&buffer)))
    case 21: return .basicConsumeOk(consumerTag: try buffer.amqpShortString())
    case 30:
      return .basicCancel(
        consumerTag: try buffer.amqpShortString(), noWait: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 31: return .basicCancelOk(consumerTag: try buffer.amqpShortString())
    case 40:
      _ = try buffer.amqpInteger(UInt16.self)
      let exchange = try buffer.amqpShortString()
      let key = try buffer.amqpShortString()
      let bits = try buffer.amqpInteger(UInt8.self)
      return .basicPublish(exchange: exchange, routingKey: key, mandatory: bits & 1 != 0, immediate: bits & 2 != 0)
    case 50:
      return .basicReturn(
        replyCode: try buffer.amqpInteger(), replyText: try buffer.amqpShortString(),
        exchange: try buffer.amqpShortString(), routingKey: try buffer.amqpShortString())
    case 70:
      _ = try buffer.amqpInteger(UInt16.self)
      return .basicGet(queue: try buffer.amqpShortString(), noAck: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 71:
      return .basicGetOk(
        deliveryTag: try buffer.amqpInteger(), redelivered: try buffer.amqpInteger(UInt8.self) & 1 != 0,
        exchange: try buffer.amqpShortString(), routingKey: try buffer.amqpShortString(),
        messages: try buffer.amqpInteger())
    case 72: return .basicGetEmpty
    case 100: return .basicRecoverAsync(requeue: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 110: return .basicRecover(requeue: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 111: return .basicRecoverOk
    default: throw .notImplemented("method \(id) of class basic is unknown")
    }
  }

  private static func readConnection(_ id: UInt16, _ buffer: inout ByteBuffer) throws(WireError) -> Method {
    switch id {
    case 10:
      return .connectionStart(
        versionMajor: try buffer.amqpInteger(), versionMinor: try buffer.amqpInteger(),
        properties: try TableCodec.readTable(&buffer), mechanisms: try buffer.amqpLongString(),
        locales: try buffer.amqpLongString())
    case 11:
      return .connectionStartOk(
        properties: try TableCodec.readTable(&buffer), mechanism: try buffer.amqpShortString(),
        response: try buffer.amqpLongBytes(), locale: try buffer.amqpShortString())
    case 20: return .connectionSecure(challenge: try buffer.amqpLongBytes())
    case 21: return .connectionSecureOk(response: try buffer.amqpLongBytes())
    case 30: return .connectionTune(try readTune(&buffer))
    case 31: return .connectionTuneOk(try readTune(&buffer))
    case 40: return .connectionOpen(virtualHost: try buffer.amqpShortString())
    case 41: return .connectionOpenOk
    case 50: return .connectionClose(try readCloseReason(&buffer))
    case 51: return .connectionCloseOk
    case 60: return .connectionBlocked(reason: try buffer.amqpShortString())
    case 61: return .connectionUnblocked
    case 70:
      return .connectionUpdateSecret(secret: try buffer.amqpLongBytes(), reason: try buffer.amqpShortString())
    case 71: return .connectionUpdateSecretOk
    default: throw .notImplemented("method \(id) of class connection is unknown")
    }
  }

  private static func readTune(_ buffer: inout ByteBuffer) throws(WireError) -> TuneValues {
    TuneValues(
      channelMax: try buffer.amqpInteger(), frameMax: try buffer.amqpInteger(), heartbeat: try buffer.amqpInteger())
  }

  private static func readCloseReason(_ buffer: inout ByteBuffer) throws(WireError) -> CloseReason {
    CloseReason(
      replyCode: try buffer.amqpInteger(), replyText: try buffer.amqpShortString(), classID: try buffer.amqpInteger(),
      methodID: try buffer.amqpInteger())
  }

  private static func readChannel(_ id: UInt16, _ buffer: inout ByteBuffer) throws(WireError) -> Method {
    switch id {
    case 10: return .channelOpen
    case 11: return .channelOpenOk
    case 20: return .channelFlow(active: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 21: return .channelFlowOk(active: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 40: return .channelClose(try readCloseReason(&buffer))
    case 41: return .channelCloseOk
    default: throw .notImplemented("method \(id) of class channel is unknown")
    }
  }

  private static func readExchange(_ id: UInt16, _ buffer: inout ByteBuffer) throws(WireError) -> Method {
    switch id {
    case 10:
      _ = try buffer.amqpInteger(UInt16.self)
      let exchange = try buffer.amqpShortString()
      let type = try buffer.amqpShortString()
      let bits = try buffer.amqpInteger(UInt8.self)
      return .exchangeDeclare(
        ExchangeDeclare(
          exchange: exchange, type: type, passive: bits & 1 != 0, durable: bits & 2 != 0, autoDelete: bits & 4 != 0,
          isInternal: bits & 8 != 0, noWait: bits & 16 != 0, arguments: try TableCodec.readTable(&buffer)))
    case 11: return .exchangeDeclareOk
    case 20:
      _ = try buffer.amqpInteger(UInt16.self)
      let exchange = try buffer.amqpShortString()
      let bits = try buffer.amqpInteger(UInt8.self)
      return .exchangeDelete(exchange: exchange, ifUnused: bits & 1 != 0, noWait: bits & 2 != 0)
    case 21: return .exchangeDeleteOk
    case 30: return .exchangeBind(try readExchangeBinding(&buffer))
    case 31: return .exchangeBindOk
    case 40: return .exchangeUnbind(try readExchangeBinding(&buffer))
    case 51: return .exchangeUnbindOk
    default: throw .notImplemented("method \(id) of class exchange is unknown")
    }
  }

  private static func readExchangeBinding(_ buffer: inout ByteBuffer) throws(WireError) -> ExchangeBinding {
    _ = try buffer.amqpInteger(UInt16.self)
    return ExchangeBinding(
      destination: try buffer.amqpShortString(), source: try buffer.amqpShortString(),
      routingKey: try buffer.amqpShortString(), noWait: try buffer.amqpInteger(UInt8.self) & 1 != 0,
      arguments: try TableCodec.readTable(&buffer))
  }

  private static func readQueue(_ id: UInt16, _ buffer: inout ByteBuffer) throws(WireError) -> Method {
    switch id {
    case 10:
      _ = try buffer.amqpInteger(UInt16.self)
      let queue = try buffer.amqpShortString()
      let bits = try buffer.amqpInteger(UInt8.self)
      return .queueDeclare(
        QueueDeclare(
          queue: queue, passive: bits & 1 != 0, durable: bits & 2 != 0, exclusive: bits & 4 != 0,
          autoDelete: bits & 8 != 0, noWait: bits & 16 != 0, arguments: try TableCodec.readTable(&buffer)))
    case 11:
      return .queueDeclareOk(
        queue: try buffer.amqpShortString(), messages: try buffer.amqpInteger(), consumers: try buffer.amqpInteger())
    case 20:
      _ = try buffer.amqpInteger(UInt16.self)
      return .queueBind(
        queue: try buffer.amqpShortString(), exchange: try buffer.amqpShortString(),
        routingKey: try buffer.amqpShortString(), noWait: try buffer.amqpInteger(UInt8.self) & 1 != 0,
        arguments: try TableCodec.readTable(&buffer))
    case 21: return .queueBindOk
    case 30:
      _ = try buffer.amqpInteger(UInt16.self)
      return .queuePurge(queue: try buffer.amqpShortString(), noWait: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case 31: return .queuePurgeOk(messages: try buffer.amqpInteger())
    case 40:
      _ = try buffer.amqpInteger(UInt16.self)
      let queue = try buffer.amqpShortString()
      let bits = try buffer.amqpInteger(UInt8.self)
      return .queueDelete(queue: queue, ifUnused: bits & 1 != 0, ifEmpty: bits & 2 != 0, noWait: bits & 4 != 0)
    case 41: return .queueDeleteOk(messages: try buffer.amqpInteger())
    case 50:
      _ = try buffer.amqpInteger(UInt16.self)
      return .queueUnbind(
        queue: try buffer.amqpShortString(), exchange: try buffer.amqpShortString(),
        routingKey: try buffer.amqpShortString(), arguments: try TableCodec.readTable(&buffer))
    case 51: return .queueUnbindOk
    default: throw .notImplemented("method \(id) of class queue is unknown")
    }
  }

  private static func readOther(
    _ classID: UInt16, _ methodID: UInt16, _ buffer: inout ByteBuffer
  ) throws(WireError) -> Method {
    switch (classID, methodID) {
    case (85, 10): return .confirmSelect(noWait: try buffer.amqpInteger(UInt8.self) & 1 != 0)
    case (85, 11): return .confirmSelectOk
    case (90, 10): return .txSelect
    case (90, 11): return .txSelectOk
    case (90, 20): return .txCommit
    case (90, 21): return .txCommitOk
    case (90, 30): return .txRollback
    case (90, 31): return .txRollbackOk
    case (30, 10): return .accessRequest(realm: try buffer.amqpShortString(), flags: try buffer.amqpInteger())
    case (30, 11): return .accessRequestOk(ticket: try buffer.amqpInteger())
    default: throw .notImplemented("method \(methodID) of class \(classID) is unknown")
    }
  }
}
