/// Reads and writes the properties in a content header: a word of flags, then the values that are present.
enum PropertiesCodec {
  private enum Flag {
    static let contentType: UInt16 = 1 << 15
    static let contentEncoding: UInt16 = 1 << 14
    static let headers: UInt16 = 1 << 13
    static let deliveryMode: UInt16 = 1 << 12
    static let priority: UInt16 = 1 << 11
    static let correlationID: UInt16 = 1 << 10
    static let replyTo: UInt16 = 1 << 9
    static let expiration: UInt16 = 1 << 8
    static let messageID: UInt16 = 1 << 7
    static let timestamp: UInt16 = 1 << 6
    static let type: UInt16 = 1 << 5
    static let userID: UInt16 = 1 << 4
    static let appID: UInt16 = 1 << 3
    static let clusterID: UInt16 = 1 << 2
    static let unknown: UInt16 = 1 << 1
    static let continuation: UInt16 = 1
  }

  static func read(_ reader: inout WireReader) throws(WireError) -> AMQPProperties {
    try AMQPProperties { (fields) throws(WireError) in try read(&reader, into: &fields) }
  }

  private static func read(
    _ reader: inout WireReader, into properties: inout AMQPProperties.Fields
  ) throws(WireError) {
    let flags = try reader.integer(UInt16.self)
    var more = flags & Flag.continuation != 0
    // Further words may follow; AMQP 0-9-1 defines no property for them.
    while more {
      let word = try reader.integer(UInt16.self)
      guard word & ~Flag.continuation == 0 else { throw .syntax("unknown property flags") }
      more = word & Flag.continuation != 0
    }
    guard flags & Flag.unknown == 0 else { throw .syntax("unknown property flag") }
    func has(_ flag: UInt16) -> Bool { flags & flag != 0 }
    if has(Flag.contentType) { properties.contentType = try reader.shortString() }
    if has(Flag.contentEncoding) { properties.contentEncoding = try reader.shortString() }
    if has(Flag.headers) { properties.headers = try TableCodec.readTable(&reader) }
    if has(Flag.deliveryMode) { properties.rawDeliveryMode = try reader.integer() }
    if has(Flag.priority) { properties.priority = try reader.integer() }
    if has(Flag.correlationID) { properties.correlationID = try reader.shortString() }
    if has(Flag.replyTo) { properties.replyTo = try reader.shortString() }
    if has(Flag.expiration) { properties.expiration = try reader.shortString() }
    if has(Flag.messageID) { properties.messageID = try reader.shortString() }
    if has(Flag.timestamp) { properties.timestamp = try reader.integer() }
    if has(Flag.type) { properties.type = try reader.shortString() }
    if has(Flag.userID) { properties.userID = try reader.shortString() }
    if has(Flag.appID) { properties.appID = try reader.shortString() }
    if has(Flag.clusterID) { properties.clusterID = try reader.shortString() }
  }

  /// Writes the properties. `sequence` adds a header of our own by which a returned message finds its publish.
  static func write(_ properties: AMQPProperties, sequence: UInt64? = nil, to writer: inout WireWriter)
    throws(WireError)
  {
    let at = writer.count
    writer.writeInteger(UInt16(0))
    var flags: UInt16 = 0
    func short(_ string: String?, _ flag: UInt16) throws(WireError) {
      guard let string else { return }
      flags |= flag
      try writer.write(shortString: string)
    }
    try short(properties.contentType, Flag.contentType)
    try short(properties.contentEncoding, Flag.contentEncoding)
    if properties.headers != nil || sequence != nil {
      flags |= Flag.headers
      try writeHeaders(properties.headers, sequence, to: &writer)
    }
    if let mode = properties.rawDeliveryMode {
      flags |= Flag.deliveryMode
      writer.writeInteger(mode)
    }
    if let priority = properties.priority {
      flags |= Flag.priority
      writer.writeInteger(priority)
    }
    try short(properties.correlationID, Flag.correlationID)
    try short(properties.replyTo, Flag.replyTo)
    try short(properties.expiration, Flag.expiration)
    try short(properties.messageID, Flag.messageID)
    if let timestamp = properties.timestamp {
      flags |= Flag.timestamp
      writer.writeInteger(timestamp)
    }
    try short(properties.type, Flag.type)
    try short(properties.userID, Flag.userID)
    try short(properties.appID, Flag.appID)
    try short(properties.clusterID, Flag.clusterID)
    writer.setInteger(flags, at: at)
  }

  private static func writeHeaders(
    _ headers: AMQPTable?, _ sequence: UInt64?, to writer: inout WireWriter
  ) throws(WireError) {
    guard let sequence else { return try TableCodec.write(headers ?? AMQPTable(), to: &writer) }
    try writer.writeLengthPrefixed { (writer) throws(WireError) in
      if let headers {
        for (key, value) in headers where key != sequenceHeader {
          try TableCodec.write(key, value, to: &writer, depth: 0)
        }
      }
      try TableCodec.write(sequenceHeader, .int64(Int64(bitPattern: sequence)), to: &writer, depth: 0)
    }
  }

  /// The header that carries the number of a mandatory publish.
  static let sequenceHeader = "x-publish-sequence"
}
