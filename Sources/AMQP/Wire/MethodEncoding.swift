import NIOCore

extension Method {
  /// Writes the payload of the method's frame.
  func write(to buffer: inout ByteBuffer) throws(WireError) {
    let id = self.id
    buffer.writeInteger(id.raw)
    switch id.classID {
    case 10: try writeConnection(to: &buffer)
    case 40: try writeExchange(to: &buffer)
    case 50: try writeQueue(to: &buffer)
    case 60: try writeBasic(to: &buffer)
    default: try writeOther(to: &buffer)
    }
  }

  /// Bits of a method share an octet, the first one lowest.
  private func bits(_ flags: Bool...) -> UInt8 {
    flags.enumerated().reduce(0) { $0 | ($1.element ? 1 << UInt8($1.offset) : 0) }
  }

  private func writeConnection(to buffer: inout ByteBuffer) throws(WireError) {
    switch self {
    case .connectionStart(let major, let minor, let properties, let mechanisms, let locales):
      buffer.writeInteger(major)
      buffer.writeInteger(minor)
      try TableCodec.write(properties, to: &buffer)
      try buffer.amqpWrite(longString: mechanisms)
      try buffer.amqpWrite(longString: locales)
    case .connectionStartOk(let properties, let mechanism, let response, let locale):
      try TableCodec.write(properties, to: &buffer)
      try buffer.amqpWrite(shortString: mechanism)
      write(long: response, to: &buffer)
      try buffer.amqpWrite(shortString: locale)
    case .connectionSecure(let bytes), .connectionSecureOk(let bytes): write(long: bytes, to: &buffer)
    case .connectionTune(let tune), .connectionTuneOk(let tune):
      buffer.writeInteger(tune.channelMax)
      buffer.writeInteger(tune.frameMax)
      buffer.writeInteger(tune.heartbeat)
    case .connectionOpen(let virtualHost):
      try buffer.amqpWrite(shortString: virtualHost)
      // Two fields that earlier versions used: a short string and a bit.
      buffer.writeInteger(UInt16(0))
    case .connectionOpenOk: buffer.writeInteger(UInt8(0))
    case .connectionClose(let reason): try write(reason, to: &buffer)
    case .connectionBlocked(let reason): try buffer.amqpWrite(shortString: reason)
    case .connectionUpdateSecret(let secret, let reason):
      write(long: secret, to: &buffer)
      try buffer.amqpWrite(shortString: reason)
    default: break
    }
  }

  private func write(long bytes: ByteBuffer, to buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt32(truncatingIfNeeded: bytes.readableBytes))
    buffer.writeImmutableBuffer(bytes)
  }

  private func write(_ reason: CloseReason, to buffer: inout ByteBuffer) throws(WireError) {
    buffer.writeInteger(reason.replyCode)
    try buffer.amqpWrite(shortString: reason.replyText)
    buffer.writeInteger(reason.classID)
    buffer.writeInteger(reason.methodID)
  }

  private func writeExchange(to buffer: inout ByteBuffer) throws(WireError) {
    switch self {
    case .exchangeDeclare(let declare):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: declare.exchange)
      try buffer.amqpWrite(shortString: declare.type)
      buffer.writeInteger(
        bits(declare.passive, declare.durable, declare.autoDelete, declare.isInternal, declare.noWait))
      try TableCodec.write(declare.arguments, to: &buffer)
    case .exchangeDelete(let exchange, let ifUnused, let noWait):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: exchange)
      buffer.writeInteger(bits(ifUnused, noWait))
    case .exchangeBind(let binding), .exchangeUnbind(let binding):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: binding.destination)
      try buffer.amqpWrite(shortString: binding.source)
      try buffer.amqpWrite(shortString: binding.routingKey)
      buffer.writeInteger(bits(binding.noWait))
      try TableCodec.write(binding.arguments, to: &buffer)
    default: break
    }
  }

  private func writeQueue(to buffer: inout ByteBuffer) throws(WireError) {
    switch self {
    case .queueDeclare(let declare):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: declare.queue)
      buffer.writeInteger(
        bits(declare.passive, declare.durable, declare.exclusive, declare.autoDelete, declare.noWait))
      try TableCodec.write(declare.arguments, to: &buffer)
    case .queueDeclareOk(let queue, let messages, let consumers):
      try buffer.amqpWrite(shortString: queue)
      buffer.writeInteger(messages)
      buffer.writeInteger(consumers)
    case .queueBind(let queue, let exchange, let routingKey, let noWait, let arguments):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: queue)
      try buffer.amqpWrite(shortString: exchange)
      try buffer.amqpWrite(shortString: routingKey)
      buffer.writeInteger(bits(noWait))
      try TableCodec.write(arguments, to: &buffer)
    case .queueUnbind(let queue, let exchange, let routingKey, let arguments):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: queue)
      try buffer.amqpWrite(shortString: exchange)
      try buffer.amqpWrite(shortString: routingKey)
      try TableCodec.write(arguments, to: &buffer)
    case .queuePurge(let queue, let noWait):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: queue)
      buffer.writeInteger(bits(noWait))
    case .queueDelete(let queue, let ifUnused, let ifEmpty, let noWait):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: queue)
      buffer.writeInteger(bits(ifUnused, ifEmpty, noWait))
    case .queuePurgeOk(let messages), .queueDeleteOk(let messages): buffer.writeInteger(messages)
    default: break
    }
  }

  private func writeBasic(to buffer: inout ByteBuffer) throws(WireError) {
    switch self {
    case .basicQos(let size, let count, let global):
      buffer.writeInteger(size)
      buffer.writeInteger(count)
      buffer.writeInteger(bits(global))
    case .basicConsume(let consume):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: consume.queue)
      try buffer.amqpWrite(shortString: consume.consumerTag)
      buffer.writeInteger(bits(consume.noLocal, consume.noAck, consume.exclusive, consume.noWait))
      try TableCodec.write(consume.arguments, to: &buffer)
    case .basicConsumeOk(let tag), .basicCancelOk(let tag): try buffer.amqpWrite(shortString: tag)
    case .basicCancel(let tag, let noWait):
      try buffer.amqpWrite(shortString: tag)
      buffer.writeInteger(bits(noWait))
    case .basicPublish(let exchange, let routingKey, let mandatory, let immediate):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: exchange)
      try buffer.amqpWrite(shortString: routingKey)
      buffer.writeInteger(bits(mandatory, immediate))
    case .basicReturn(let replyCode, let replyText, let exchange, let routingKey):
      buffer.writeInteger(replyCode)
      try buffer.amqpWrite(shortString: replyText)
      try buffer.amqpWrite(shortString: exchange)
      try buffer.amqpWrite(shortString: routingKey)
    case .basicDeliver(let deliver):
      try buffer.amqpWrite(shortString: deliver.consumerTag)
      buffer.writeInteger(deliver.deliveryTag)
      buffer.writeInteger(bits(deliver.redelivered))
      try buffer.amqpWrite(shortString: deliver.exchange)
      try buffer.amqpWrite(shortString: deliver.routingKey)
    case .basicGet(let queue, let noAck):
      buffer.writeInteger(UInt16(0))
      try buffer.amqpWrite(shortString: queue)
      buffer.writeInteger(bits(noAck))
    case .basicGetOk(let tag, let redelivered, let exchange, let routingKey, let messages):
      buffer.writeInteger(tag)
      buffer.writeInteger(bits(redelivered))
      try buffer.amqpWrite(shortString: exchange)
      try buffer.amqpWrite(shortString: routingKey)
      buffer.writeInteger(messages)
    case .basicGetEmpty: buffer.writeInteger(UInt8(0))
    case .basicAck(let tag, let flag), .basicReject(let tag, let flag):
      buffer.writeInteger(tag)
      buffer.writeInteger(bits(flag))
    case .basicNack(let tag, let multiple, let requeue):
      buffer.writeInteger(tag)
      buffer.writeInteger(bits(multiple, requeue))
    case .basicRecoverAsync(let requeue), .basicRecover(let requeue): buffer.writeInteger(bits(requeue))
    default: break
    }
  }

  private func writeOther(to buffer: inout ByteBuffer) throws(WireError) {
    switch self {
    case .channelOpen: buffer.writeInteger(UInt8(0))
    case .channelOpenOk: buffer.writeInteger(UInt32(0))
    case .channelFlow(let active), .channelFlowOk(let active): buffer.writeInteger(bits(active))
    case .channelClose(let reason): try write(reason, to: &buffer)
    case .confirmSelect(let noWait): buffer.writeInteger(bits(noWait))
    case .accessRequest(let realm, let flags):
      try buffer.amqpWrite(shortString: realm)
      buffer.writeInteger(flags)
    case .accessRequestOk(let ticket): buffer.writeInteger(ticket)
    default: break
    }
  }
}
