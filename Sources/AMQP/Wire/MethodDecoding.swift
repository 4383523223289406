extension Method {
  /// Reads a method from the payload of its frame. Bytes after the last field are ignored, as a later revision may add fields.
  static func read(_ reader: inout WireReader) throws(WireError) -> Method {
    var names = DeliveryNames()
    return try read(&reader, &names)
  }

  /// The same, with the names of the deliveries before.
  static func read(_ reader: inout WireReader, _ names: inout DeliveryNames) throws(WireError) -> Method {
    let classID = try reader.integer(UInt16.self)
    let methodID = try reader.integer(UInt16.self)
    switch classID {
    case 60: return try readBasic(methodID, &reader, &names)
    case 10: return try readConnection(methodID, &reader)
    case 20: return try readChannel(methodID, &reader)
    case 40: return try readExchange(methodID, &reader)
    case 50: return try readQueue(methodID, &reader)
    default: return try readOther(classID, methodID, &reader)
    }
  }

  private static func readBasic(
    _ id: UInt16, _ reader: inout WireReader, _ names: inout DeliveryNames
  ) throws(WireError) -> Method {
    switch id {
    case 60:
      let consumerTag = try names.consumerTag.read(&reader)
      let deliveryTag = try reader.integer(UInt64.self)
      let redelivered = try reader.integer(UInt8.self) & 1 != 0
      return .basicDeliver(
        BasicDeliver(
          consumerTag: consumerTag, deliveryTag: deliveryTag, redelivered: redelivered,
          exchange: try names.exchange.read(&reader), routingKey: try names.routingKey.read(&reader)))
    case 80:
      return .basicAck(deliveryTag: try reader.integer(), multiple: try reader.integer(UInt8.self) & 1 != 0)
    case 120:
      let tag = try reader.integer(UInt64.self)
      let bits = try reader.integer(UInt8.self)
      return .basicNack(deliveryTag: tag, multiple: bits & 1 != 0, requeue: bits & 2 != 0)
    case 90:
      return .basicReject(deliveryTag: try reader.integer(), requeue: try reader.integer(UInt8.self) & 1 != 0)
    case 10:
      return .basicQos(
        prefetchSize: try reader.integer(), prefetchCount: try reader.integer(),
        global: try reader.integer(UInt8.self) & 1 != 0)
    case 11: return .basicQosOk
    case 20:
      _ = try reader.integer(UInt16.self)
      let queue = try reader.shortString()
      let tag = try reader.shortString()
      let bits = try reader.integer(UInt8.self)
      return .basicConsume(
        BasicConsume(
          queue: queue, consumerTag: tag, noLocal: bits & 1 != 0, noAck: bits & 2 != 0, exclusive: bits & 4 != 0,
          noWait: bits & 8 != 0, arguments: try TableCodec.readTable(&reader)))
    case 21: return .basicConsumeOk(consumerTag: try reader.shortString())
    case 30:
      return .basicCancel(
        consumerTag: try reader.shortString(), noWait: try reader.integer(UInt8.self) & 1 != 0)
    case 31: return .basicCancelOk(consumerTag: try reader.shortString())
    case 40:
      _ = try reader.integer(UInt16.self)
      let exchange = try reader.shortString()
      let key = try reader.shortString()
      let bits = try reader.integer(UInt8.self)
      return .basicPublish(exchange: exchange, routingKey: key, mandatory: bits & 1 != 0, immediate: bits & 2 != 0)
    case 50:
      return .basicReturn(
        replyCode: try reader.integer(), replyText: try reader.shortString(),
        exchange: try reader.shortString(), routingKey: try reader.shortString())
    case 70:
      _ = try reader.integer(UInt16.self)
      return .basicGet(queue: try reader.shortString(), noAck: try reader.integer(UInt8.self) & 1 != 0)
    case 71:
      return .basicGetOk(
        deliveryTag: try reader.integer(), redelivered: try reader.integer(UInt8.self) & 1 != 0,
        exchange: try reader.shortString(), routingKey: try reader.shortString(),
        messages: try reader.integer())
    case 72: return .basicGetEmpty
    case 100: return .basicRecoverAsync(requeue: try reader.integer(UInt8.self) & 1 != 0)
    case 110: return .basicRecover(requeue: try reader.integer(UInt8.self) & 1 != 0)
    case 111: return .basicRecoverOk
    default: throw .notImplemented("method \(id) of class basic is unknown")
    }
  }

  private static func readConnection(_ id: UInt16, _ reader: inout WireReader) throws(WireError) -> Method {
    switch id {
    case 10:
      return .connectionStart(
        versionMajor: try reader.integer(), versionMinor: try reader.integer(),
        properties: try TableCodec.readTable(&reader), mechanisms: try reader.longString(),
        locales: try reader.longString())
    case 11:
      return .connectionStartOk(
        properties: try TableCodec.readTable(&reader), mechanism: try reader.shortString(),
        response: try reader.longBytes(), locale: try reader.shortString())
    case 20: return .connectionSecure(challenge: try reader.longBytes())
    case 21: return .connectionSecureOk(response: try reader.longBytes())
    case 30: return .connectionTune(try readTune(&reader))
    case 31: return .connectionTuneOk(try readTune(&reader))
    case 40: return .connectionOpen(virtualHost: try reader.shortString())
    case 41: return .connectionOpenOk
    case 50: return .connectionClose(try readCloseReason(&reader))
    case 51: return .connectionCloseOk
    case 60: return .connectionBlocked(reason: try reader.shortString())
    case 61: return .connectionUnblocked
    case 70:
      return .connectionUpdateSecret(secret: try reader.longBytes(), reason: try reader.shortString())
    case 71: return .connectionUpdateSecretOk
    default: throw .notImplemented("method \(id) of class connection is unknown")
    }
  }

  private static func readTune(_ reader: inout WireReader) throws(WireError) -> TuneValues {
    TuneValues(
      channelMax: try reader.integer(), frameMax: try reader.integer(), heartbeat: try reader.integer())
  }

  private static func readCloseReason(_ reader: inout WireReader) throws(WireError) -> CloseReason {
    CloseReason(
      replyCode: try reader.integer(), replyText: try reader.shortString(), classID: try reader.integer(),
      methodID: try reader.integer())
  }

  private static func readChannel(_ id: UInt16, _ reader: inout WireReader) throws(WireError) -> Method {
    switch id {
    case 10: return .channelOpen
    case 11: return .channelOpenOk
    case 20: return .channelFlow(active: try reader.integer(UInt8.self) & 1 != 0)
    case 21: return .channelFlowOk(active: try reader.integer(UInt8.self) & 1 != 0)
    case 40: return .channelClose(try readCloseReason(&reader))
    case 41: return .channelCloseOk
    default: throw .notImplemented("method \(id) of class channel is unknown")
    }
  }

  private static func readExchange(_ id: UInt16, _ reader: inout WireReader) throws(WireError) -> Method {
    switch id {
    case 10:
      _ = try reader.integer(UInt16.self)
      let exchange = try reader.shortString()
      let type = try reader.shortString()
      let bits = try reader.integer(UInt8.self)
      return .exchangeDeclare(
        ExchangeDeclare(
          exchange: exchange, type: type, passive: bits & 1 != 0, durable: bits & 2 != 0, autoDelete: bits & 4 != 0,
          isInternal: bits & 8 != 0, noWait: bits & 16 != 0, arguments: try TableCodec.readTable(&reader)))
    case 11: return .exchangeDeclareOk
    case 20:
      _ = try reader.integer(UInt16.self)
      let exchange = try reader.shortString()
      let bits = try reader.integer(UInt8.self)
      return .exchangeDelete(exchange: exchange, ifUnused: bits & 1 != 0, noWait: bits & 2 != 0)
    case 21: return .exchangeDeleteOk
    case 30: return .exchangeBind(try readExchangeBinding(&reader))
    case 31: return .exchangeBindOk
    case 40: return .exchangeUnbind(try readExchangeBinding(&reader))
    case 51: return .exchangeUnbindOk
    default: throw .notImplemented("method \(id) of class exchange is unknown")
    }
  }

  private static func readExchangeBinding(_ reader: inout WireReader) throws(WireError) -> ExchangeBinding {
    _ = try reader.integer(UInt16.self)
    return ExchangeBinding(
      destination: try reader.shortString(), source: try reader.shortString(),
      routingKey: try reader.shortString(), noWait: try reader.integer(UInt8.self) & 1 != 0,
      arguments: try TableCodec.readTable(&reader))
  }

  private static func readQueue(_ id: UInt16, _ reader: inout WireReader) throws(WireError) -> Method {
    switch id {
    case 10:
      _ = try reader.integer(UInt16.self)
      let queue = try reader.shortString()
      let bits = try reader.integer(UInt8.self)
      return .queueDeclare(
        QueueDeclare(
          queue: queue, passive: bits & 1 != 0, durable: bits & 2 != 0, exclusive: bits & 4 != 0,
          autoDelete: bits & 8 != 0, noWait: bits & 16 != 0, arguments: try TableCodec.readTable(&reader)))
    case 11:
      return .queueDeclareOk(
        queue: try reader.shortString(), messages: try reader.integer(), consumers: try reader.integer())
    case 20:
      _ = try reader.integer(UInt16.self)
      return .queueBind(
        queue: try reader.shortString(), exchange: try reader.shortString(),
        routingKey: try reader.shortString(), noWait: try reader.integer(UInt8.self) & 1 != 0,
        arguments: try TableCodec.readTable(&reader))
    case 21: return .queueBindOk
    case 30:
      _ = try reader.integer(UInt16.self)
      return .queuePurge(queue: try reader.shortString(), noWait: try reader.integer(UInt8.self) & 1 != 0)
    case 31: return .queuePurgeOk(messages: try reader.integer())
    case 40:
      _ = try reader.integer(UInt16.self)
      let queue = try reader.shortString()
      let bits = try reader.integer(UInt8.self)
      return .queueDelete(queue: queue, ifUnused: bits & 1 != 0, ifEmpty: bits & 2 != 0, noWait: bits & 4 != 0)
    case 41: return .queueDeleteOk(messages: try reader.integer())
    case 50:
      _ = try reader.integer(UInt16.self)
      return .queueUnbind(
        queue: try reader.shortString(), exchange: try reader.shortString(),
        routingKey: try reader.shortString(), arguments: try TableCodec.readTable(&reader))
    case 51: return .queueUnbindOk
    default: throw .notImplemented("method \(id) of class queue is unknown")
    }
  }

  private static func readOther(
    _ classID: UInt16, _ methodID: UInt16, _ reader: inout WireReader
  ) throws(WireError) -> Method {
    switch (classID, methodID) {
    case (85, 10): return .confirmSelect(noWait: try reader.integer(UInt8.self) & 1 != 0)
    case (85, 11): return .confirmSelectOk
    case (90, 10): return .txSelect
    case (90, 11): return .txSelectOk
    case (90, 20): return .txCommit
    case (90, 21): return .txCommitOk
    case (90, 30): return .txRollback
    case (90, 31): return .txRollbackOk
    case (30, 10): return .accessRequest(realm: try reader.shortString(), flags: try reader.integer())
    case (30, 11): return .accessRequestOk(ticket: try reader.integer())
    default: throw .notImplemented("method \(methodID) of class \(classID) is unknown")
    }
  }
}
