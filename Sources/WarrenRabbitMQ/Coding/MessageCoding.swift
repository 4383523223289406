internal import AMQP
internal import Foundation
internal import NIOCore
internal import Warren

extension Message {
  /// The message in a delivery. What is missing on a foreign one stays missing.
  init(_ delivery: AMQPDelivery) {
    let properties = delivery.properties
    let table = delivery.headers
    var headers: Headers = [:]
    for (name, value) in table where !HeaderNames.isReserved(name) { headers[name] = value.text }
    self.init(
      id: properties.messageID.map { MessageID($0) }, name: properties.type.map { MessageName($0) },
      body: Data(delivery.body.readableBytesView), headers: headers, contentType: properties.contentType,
      contentEncoding: properties.contentEncoding,
      timestamp: table[HeaderNames.publishedAt]?.integer.map(Date.init(milliseconds:))
        ?? properties.timestamp.map(Date.init(amqp:)),
      correlationID: properties.correlationID, causationID: table[HeaderNames.cause]?.string, source: properties.appID,
      priority: properties.priority.map { Priority(integerLiteral: $0) } ?? .normal,
      expiresAt: table[HeaderNames.expiresAt]?.integer.map(Date.init(milliseconds:)))
  }

  /// What AMQP carries the message with, without a history. `now` is for the time that is left; `nil`: it travels through
  /// delay buckets, where an expiration would let it out early.
  func properties(now: Date?) -> AMQPProperties {
    var table = AMQPTable(
      headers.filter { !HeaderNames.isReserved($0.key) }.sorted { $0.key < $1.key }.map {
        ($0.key, AMQPValue.string($0.value))
      })
    var properties = AMQPProperties(
      contentType: contentType, contentEncoding: contentEncoding, deliveryMode: .persistent,
      priority: priority.rawValue, correlationID: correlationID, messageID: id?.rawValue, type: name?.rawValue,
      appID: source)
    if let milliseconds = timestamp?.milliseconds, milliseconds >= 0 {
      properties.timestamp = UInt64(milliseconds / 1000)
      // AMQP counts whole seconds.
      if milliseconds % 1000 != 0 { table[HeaderNames.publishedAt] = .int64(milliseconds) }
    }
    if let causationID { table[HeaderNames.cause] = .string(causationID) }
    if let expiresAt {
      table[HeaderNames.expiresAt] = .int64(expiresAt.milliseconds)
      if let now {
        let left = max(0, expiresAt.milliseconds - now.milliseconds)
        // Beyond the largest timer of the broker (49 days) only the header tells.
        if left <= Limits.longestTimer { properties.expiration = "\(left)" }
      }
    }
    if !table.isEmpty { properties.headers = table }
    return properties
  }
}

extension Message {
  /// The message in a delivery from a queue of dead letters. One whose publisher gave it no name has the one that its body gives it
  /// in an envelope, or that of its routing key, as a worker calls it.
  init(deadLetter delivery: AMQPDelivery) {
    self.init(delivery)
    if let name, !name.rawValue.isEmpty { return }
    let route = Route(deadLetter: delivery)
    let named = packing == nil ? BodyHead(body) : nil
    if let type = named?.type, named?.isEnvelope == true || route.exchange.isEmpty {
      name = MessageName(type)
    } else {
      name = route.exchange.isEmpty ? nil : MessageName(route.routingKey)
    }
  }
}

extension AMQPValue {
  /// Another value of the same AMQP type, read from its text; `nil` where the text is none.
  func changed(to text: String) -> AMQPValue? {
    switch self {
    case .bool: Bool(text).map { .bool($0) }
    case .int8: Int8(text).map { .int8($0) }
    case .int16: Int16(text).map { .int16($0) }
    case .int32: Int32(text).map { .int32($0) }
    case .int64: Int64(text).map { .int64($0) }
    case .uint8: UInt8(text).map { .uint8($0) }
    case .uint16: UInt16(text).map { .uint16($0) }
    case .uint32: UInt32(text).map { .uint32($0) }
    case .float: Float(text).map { .float($0) }
    case .double: Double(text).map { .double($0) }
    case .timestamp: UInt64(text).map { .timestamp($0) }
    default: nil
    }
  }

  /// The value as a header's text. Its type lives on in the table that copies are made of.
  var text: String {
    switch self {
    case .null: ""
    case .string(let text): text
    case .bool(let value): value ? "true" : "false"
    case .float(let value): "\(value)"
    case .double(let value): "\(value)"
    case .decimal(let scale, let raw): "\(Decimal(raw) / pow(Decimal(10), Int(scale)))"
    case .timestamp(let value): "\(value)"
    case .longBytes(let bytes), .bytes(let bytes): Data(bytes.readableBytesView).base64EncodedString()
    case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
    case .table(let table): "{" + table.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ") + "}"
    default: integer.map { "\($0)" } ?? ""
    }
  }
}
