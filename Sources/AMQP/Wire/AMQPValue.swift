public import NIOCore

/// A value in a field table: message headers, queue arguments, client and server properties.
///
/// The cases follow what RabbitMQ puts on the wire, which is not what the specification says: `l` and `L` are both signed 64
/// bit integers (both are read as ``int64(_:)`` and written as `l`), `s` is a signed 16 bit integer.
public enum AMQPValue: Sendable, Hashable {
  /// No value (`V`).
  case null
  /// A truth value (`t`).
  case bool(Bool)
  /// A signed 8 bit integer (`b`).
  case int8(Int8)
  /// An unsigned 8 bit integer (`B`).
  case uint8(UInt8)
  /// A signed 16 bit integer (`s`).
  case int16(Int16)
  /// An unsigned 16 bit integer (`u`).
  case uint16(UInt16)
  /// A signed 32 bit integer (`I`).
  case int32(Int32)
  /// An unsigned 32 bit integer (`i`).
  case uint32(UInt32)
  /// A signed 64 bit integer (`l`).
  case int64(Int64)
  /// A 32 bit floating point number (`f`).
  case float(Float)
  /// A 64 bit floating point number (`d`).
  case double(Double)
  /// A decimal (`D`): `raw` divided by ten to the power of `scale`. Peers disagree whether `raw` is signed, so it is kept as
  /// it came.
  case decimal(scale: UInt8, raw: UInt32)
  /// A text (`S`). Long strings that are not UTF-8 come as ``longBytes(_:)``.
  case string(String)
  /// A long string (`S`) whose bytes are not UTF-8.
  case longBytes(ByteBuffer)
  /// A byte array (`x`).
  case bytes(ByteBuffer)
  /// Seconds since 1970 (`T`), unchecked: peers have been seen to send milliseconds here.
  case timestamp(UInt64)
  /// A list of values (`A`).
  case array([AMQPValue])
  /// A nested table (`F`).
  case table(AMQPTable)

  /// The value as an integer, whatever width it came in. `nil` for anything that is not an integer.
  public var integer: Int64? {
    switch self {
    case .int8(let value): Int64(value)
    case .uint8(let value): Int64(value)
    case .int16(let value): Int64(value)
    case .uint16(let value): Int64(value)
    case .int32(let value): Int64(value)
    case .uint32(let value): Int64(value)
    case .int64(let value): value
    default: nil
    }
  }

  /// The value as text. `nil` for anything that is not a UTF-8 string.
  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The value as a truth value. `nil` for anything else.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The value as a table. `nil` for anything else.
  public var table: AMQPTable? {
    if case .table(let value) = self { value } else { nil }
  }

  /// The value as a list. `nil` for anything else.
  public var array: [AMQPValue]? {
    if case .array(let value) = self { value } else { nil }
  }
}

extension AMQPValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  /// A text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer of 64 bits.
  public init(integerLiteral value: Int64) { self = .int64(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A number of 64 bits.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// A list.
  public init(arrayLiteral elements: AMQPValue...) { self = .array(elements) }
  /// A table.
  public init(dictionaryLiteral elements: (String, AMQPValue)...) { self = .table(AMQPTable(elements)) }
  /// No value.
  public init(nilLiteral: ()) { self = .null }
}
