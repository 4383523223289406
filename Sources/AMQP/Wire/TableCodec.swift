import NIOCore

/// Reads and writes field tables as RabbitMQ does.
enum TableCodec {
  /// How deep tables and arrays may nest. RabbitMQ's Java client allows as much; 21,000 levels fit into one frame and would
  /// overflow the stack of a decoder without a limit.
  static let depthLimit = 32

  /// Reads a table with its length.
  static func readTable(_ reader: inout WireReader, depth: Int = 0) throws(WireError) -> AMQPTable {
    guard depth <= depthLimit else { throw .syntax("tables nest deeper than \(depthLimit) levels") }
    var table = AMQPTable()
    var body = try reader.nested()
    // Looking for duplicates by walking would be quadratic in what the peer chooses to send.
    var seen: Set<String>?
    while !body.isAtEnd {
      let key = try body.shortString()
      let value = try readValue(&body, depth: depth)
      if table.count < 16 {
        table.append(key, value)
      } else {
        if seen == nil { seen = Set(table.map(\.key)) }
        if seen?.insert(key).inserted == true { table.appendUnchecked(key, value) }
      }
    }
    return table
  }

  /// Reads a tag and its value.
  static func readValue(_ reader: inout WireReader, depth: Int) throws(WireError) -> AMQPValue {
    let tag = try reader.integer(UInt8.self)
    switch UnicodeScalar(tag) {
    case "S":
      let bytes = try reader.bytes(Int(try reader.integer(UInt32.self)))
      return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .longBytes(ByteBuffer(bytes: bytes))
    case "I": return .int32(try reader.integer())
    case "l", "L": return .int64(try reader.integer())
    case "t": return .bool(try reader.integer(UInt8.self) != 0)
    case "F": return .table(try readTable(&reader, depth: depth + 1))
    case "A": return .array(try readArray(&reader, depth: depth + 1))
    case "T": return .timestamp(try reader.integer())
    case "i": return .uint32(try reader.integer())
    case "b": return .int8(try reader.integer())
    case "B": return .uint8(try reader.integer())
    case "s": return .int16(try reader.integer())
    case "u": return .uint16(try reader.integer())
    case "f": return .float(Float(bitPattern: try reader.integer()))
    case "d": return .double(Double(bitPattern: try reader.integer()))
    case "D": return .decimal(scale: try reader.integer(), raw: try reader.integer())
    case "x": return .bytes(try reader.longBytes())
    case "V": return .null
    default: throw .syntax("unknown field type \(tag) in a table")
    }
  }

  private static func readArray(_ reader: inout WireReader, depth: Int) throws(WireError) -> [AMQPValue] {
    guard depth <= depthLimit else { throw .syntax("arrays nest deeper than \(depthLimit) levels") }
    var values: [AMQPValue] = []
    var body = try reader.nested()
    while !body.isAtEnd { values.append(try readValue(&body, depth: depth)) }
    return values
  }

  /// Writes a table with its length.
  static func write(_ table: AMQPTable, to writer: inout WireWriter, depth: Int = 0) throws(WireError) {
    guard depth <= depthLimit else { throw .syntax("tables nest deeper than \(depthLimit) levels") }
    if table.isEmpty {
      writer.writeInteger(UInt32(0))
      return
    }
    try writer.writeLengthPrefixed { (writer) throws(WireError) in
      for (key, value) in table { try write(key, value, to: &writer, depth: depth) }
    }
  }

  /// Writes a field of a table.
  static func write(
    _ key: String, _ value: AMQPValue, to writer: inout WireWriter, depth: Int
  ) throws(WireError) {
    try writer.write(shortString: key)
    try write(value, to: &writer, depth: depth)
  }

  /// Writes a tag and its value.
  static func write(_ value: AMQPValue, to writer: inout WireWriter, depth: Int) throws(WireError) {
    func tag(_ character: Unicode.Scalar) { writer.writeInteger(UInt8(ascii: character)) }
    switch value {
    case .null: tag("V")
    case .bool(let value):
      tag("t")
      writer.writeInteger(UInt8(value ? 1 : 0))
    case .int8(let value):
      tag("b")
      writer.writeInteger(value)
    case .uint8(let value):
      tag("B")
      writer.writeInteger(value)
    case .int16(let value):
      tag("s")
      writer.writeInteger(value)
    case .uint16(let value):
      tag("u")
      writer.writeInteger(value)
    case .int32(let value):
      tag("I")
      writer.writeInteger(value)
    case .uint32(let value):
      tag("i")
      writer.writeInteger(value)
    case .int64(let value):
      tag("l")
      writer.writeInteger(value)
    case .float(let value):
      tag("f")
      writer.writeInteger(value.bitPattern)
    case .double(let value):
      tag("d")
      writer.writeInteger(value.bitPattern)
    case .decimal(let scale, let raw):
      tag("D")
      writer.writeInteger(scale)
      writer.writeInteger(raw)
    case .string(let value):
      tag("S")
      try writer.write(longString: value)
    case .longBytes(let value):
      tag("S")
      try writer.write(longBytes: value)
    case .bytes(let value):
      tag("x")
      try writer.write(longBytes: value)
    case .timestamp(let value):
      tag("T")
      writer.writeInteger(value)
    case .array(let values):
      tag("A")
      guard depth < depthLimit else { throw .syntax("arrays nest deeper than \(depthLimit) levels") }
      try writer.writeLengthPrefixed { (writer) throws(WireError) in
        for value in values { try write(value, to: &writer, depth: depth + 1) }
      }
    case .table(let value):
      tag("F")
      try write(value, to: &writer, depth: depth + 1)
    }
  }
}
