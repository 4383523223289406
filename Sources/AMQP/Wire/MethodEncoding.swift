import NIOCore

extension Method {
  /// Writes the payload of the method's frame.
  func write(to writer: inout WireWriter) throws(WireError) {
    let id = self.id
    writer.writeInteger(id.raw)
    switch id.classID {
    case 10: try writeConnection(to: &writer)
    case 40: try writeExchange(to: &writer)
    case 50: try writeQueue(to: &writer)
    case 60: try writeBasic(to: &writer)
    default: try writeOther(to: &writer)
    }
  }

  /// Bits of a method share an octet, the first one lowest.
  private func bits(_ flags: Bool...) -> UInt8 {
    flags.enumerated().reduce(0) { $0 | ($1.element ? 1 << UInt8($1.offset) : 0) }
  }

  private func writeConnection(to writer: inout WireWriter) throws(WireError) {
    switch self {
    case .connectionStart(let major, let minor, let properties, let mechanisms, let locales):
      writer.writeInteger(major)
      writer.writeInteger(minor)
      try TableCodec.write(properties, to: &writer)
      try writer.write(longString: mechanisms)
      try writer.write(longString: locales)
    case .connectionStartOk(let properties, let mechanism, let response, let locale):
      try TableCodec.write(properties, to: &writer)
      try writer.write(shortString: mechanism)
      try writer.write(longBytes: response)
      try writer.write(shortString: locale)
    case .connectionSecure(let bytes), .connectionSecureOk(let bytes): try writer.write(longBytes: bytes)
    case .connectionTune(let tune), .connectionTuneOk(let tune):
      writer.writeInteger(tune.channelMax)
      writer.writeInteger(tune.frameMax)
      writer.writeInteger(tune.heartbeat)
    case .connectionOpen(let virtualHost):
      try writer.write(shortString: virtualHost)
      // Two fields that earlier versions used: a short string and a bit.
      writer.writeInteger(UInt16(0))
    case .connectionOpenOk: writer.writeInteger(UInt8(0))
    case .connectionClose(let reason): try write(reason, to: &writer)
    case .connectionBlocked(let reason): try writer.write(shortString: reason)
    case .connectionUpdateSecret(let secret, let reason):
      try writer.write(longBytes: secret)
      try writer.write(shortString: reason)
    default: break
    }
  }

  private func write(_ reason: CloseReason, to writer: inout WireWriter) throws(WireError) {
    writer.writeInteger(reason.replyCode)
    try writer.write(shortString: reason.replyText)
    writer.writeInteger(reason.classID)
    writer.writeInteger(reason.methodID)
  }

  private func writeExchange(to writer: inout WireWriter) throws(WireError) {
    switch self {
    case .exchangeDeclare(let declare):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: declare.exchange)
      try writer.write(shortString: declare.type)
      writer.writeInteger(
        bits(declare.passive, declare.durable, declare.autoDelete, declare.isInternal, declare.noWait))
      try TableCodec.write(declare.arguments, to: &writer)
    case .exchangeDelete(let exchange, let ifUnused, let noWait):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: exchange)
      writer.writeInteger(bits(ifUnused, noWait))
    case .exchangeBind(let binding), .exchangeUnbind(let binding):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: binding.destination)
      try writer.write(shortString: binding.source)
      try writer.write(shortString: binding.routingKey)
      writer.writeInteger(bits(binding.noWait))
      try TableCodec.write(binding.arguments, to: &writer)
    default: break
    }
  }

  private func writeQueue(to writer: inout WireWriter) throws(WireError) {
    switch self {
    case .queueDeclare(let declare):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: declare.queue)
      writer.writeInteger(
        bits(declare.passive, declare.durable, declare.exclusive, declare.autoDelete, declare.noWait))
      try TableCodec.write(declare.arguments, to: &writer)
    case .queueDeclareOk(let queue, let messages, let consumers):
      try writer.write(shortString: queue)
      writer.writeInteger(messages)
      writer.writeInteger(consumers)
    case .queueBind(let queue, let exchange, let routingKey, let noWait, let arguments):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: queue)
      try writer.write(shortString: exchange)
      try writer.write(shortString: routingKey)
      writer.writeInteger(bits(noWait))
      try TableCodec.write(arguments, to: &writer)
    case .queueUnbind(let queue, let exchange, let routingKey, let arguments):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: queue)
      try writer.write(shortString: exchange)
      try writer.write(shortString: routingKey)
      try TableCodec.write(arguments, to: &writer)
    case .queuePurge(let queue, let noWait):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: queue)
      writer.writeInteger(bits(noWait))
    case .queueDelete(let queue, let ifUnused, let ifEmpty, let noWait):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: queue)
      writer.writeInteger(bits(ifUnused, ifEmpty, noWait))
    case .queuePurgeOk(let messages), .queueDeleteOk(let messages): writer.writeInteger(messages)
    default: break
    }
  }

  private func writeBasic(to writer: inout WireWriter) throws(WireError) {
    switch self {
    case .basicQos(let size, let count, let global):
      writer.writeInteger(size)
      writer.writeInteger(count)
      writer.writeInteger(bits(global))
    case .basicConsume(let consume):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: consume.queue)
      try writer.write(shortString: consume.consumerTag)
      writer.writeInteger(bits(consume.noLocal, consume.noAck, consume.exclusive, consume.noWait))
      try TableCodec.write(consume.arguments, to: &writer)
    case .basicConsumeOk(let tag), .basicCancelOk(let tag): try writer.write(shortString: tag)
    case .basicCancel(let tag, let noWait):
      try writer.write(shortString: tag)
      writer.writeInteger(bits(noWait))
    case .basicPublish(let exchange, let routingKey, let mandatory, let immediate):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: exchange)
      try writer.write(shortString: routingKey)
      writer.writeInteger(bits(mandatory, immediate))
    case .basicReturn(let replyCode, let replyText, let exchange, let routingKey):
      writer.writeInteger(replyCode)
      try writer.write(shortString: replyText)
      try writer.write(shortString: exchange)
      try writer.write(shortString: routingKey)
    case .basicDeliver(let deliver):
      try writer.write(shortString: deliver.consumerTag)
      writer.writeInteger(deliver.deliveryTag)
      writer.writeInteger(bits(deliver.redelivered))
      try writer.write(shortString: deliver.exchange)
      try writer.write(shortString: deliver.routingKey)
    case .basicGet(let queue, let noAck):
      writer.writeInteger(UInt16(0))
      try writer.write(shortString: queue)
      writer.writeInteger(bits(noAck))
    case .basicGetOk(let tag, let redelivered, let exchange, let routingKey, let messages):
      writer.writeInteger(tag)
      writer.writeInteger(bits(redelivered))
      try writer.write(shortString: exchange)
      try writer.write(shortString: routingKey)
      writer.writeInteger(messages)
    case .basicGetEmpty: writer.writeInteger(UInt8(0))
    case .basicAck(let tag, let flag), .basicReject(let tag, let flag):
      writer.writeInteger(tag)
      writer.writeInteger(bits(flag))
    case .basicNack(let tag, let multiple, let requeue):
      writer.writeInteger(tag)
      writer.writeInteger(bits(multiple, requeue))
    case .basicRecoverAsync(let requeue), .basicRecover(let requeue): writer.writeInteger(bits(requeue))
    default: break
    }
  }

  private func writeOther(to writer: inout WireWriter) throws(WireError) {
    switch self {
    case .channelOpen: writer.writeInteger(UInt8(0))
    case .channelOpenOk: writer.writeInteger(UInt32(0))
    case .channelFlow(let active), .channelFlowOk(let active): writer.writeInteger(bits(active))
    case .channelClose(let reason): try write(reason, to: &writer)
    case .confirmSelect(let noWait): writer.writeInteger(bits(noWait))
    case .accessRequest(let realm, let flags):
      try writer.write(shortString: realm)
      writer.writeInteger(flags)
    case .accessRequestOk(let ticket): writer.writeInteger(ticket)
    default: break
    }
  }
}
