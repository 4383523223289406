/// A field table: names and values in the order in which they are on the wire.
///
/// Tables are short, so a lookup walks the fields. A name occurs once; of duplicates on the wire the first one counts.
///
/// ```swift
/// let arguments: AMQPTable = ["x-queue-type": "quorum", "x-delivery-limit": 1000]
/// ```
public struct AMQPTable: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
  /// A name and its value.
  public typealias Element = (key: String, value: AMQPValue)

  private struct Field: Sendable, Hashable {
    let key: String
    var value: AMQPValue
  }

  private var fields: [Field] = []

  /// An empty table.
  public init() {}

  /// A table of these fields. Of two fields of the same name the first one stays.
  public init(_ elements: some Sequence<(String, AMQPValue)>) {
    for (key, value) in elements { append(key, value) }
  }

  /// A table.
  public init(dictionaryLiteral elements: (String, AMQPValue)...) { self.init(elements) }

  /// The number of fields.
  public var count: Int { fields.count }
  /// Whether there are no fields.
  public var isEmpty: Bool { fields.isEmpty }

  /// The value of a name. Setting `nil` removes the field; to send "no value" set ``AMQPValue/null``.
  public subscript(key: String) -> AMQPValue? {
    get { fields.first { $0.key == key }?.value }
    set {
      if let index = fields.firstIndex(where: { $0.key == key }) {
        if let newValue { fields[index].value = newValue } else { fields.remove(at: index) }
      } else if let newValue {
        fields.append(Field(key: key, value: newValue))
      }
    }
  }

  /// The fields in order.
  public func makeIterator() -> some IteratorProtocol<Element> {
    fields.lazy.map { ($0.key, $0.value) }.makeIterator()
  }

  /// Removes every field whose name fulfils `condition`.
  public mutating func removeAll(where condition: (String) -> Bool) {
    fields.removeAll { condition($0.key) }
  }

  /// Adds a field unless the name is there already.
  mutating func append(_ key: String, _ value: AMQPValue) {
    guard !fields.contains(where: { $0.key == key }) else { return }
    fields.append(Field(key: key, value: value))
  }

  /// Adds a field that the caller knows to be new.
  mutating func appendUnchecked(_ key: String, _ value: AMQPValue) {
    fields.append(Field(key: key, value: value))
  }
}
