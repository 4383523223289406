/// A field of a JSON object, whatever it is called.
private struct AnyField: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension Decoder {
  /// The fields of an object that is written by people: one that nothing reads is a slip, and refused.
  func container<Field: CodingKey & CaseIterable>(
    ofKnown fields: Field.Type
  ) throws -> KeyedDecodingContainer<Field> {
    let known = Field.allCases.map(\.stringValue)
    if let unknown = try container(keyedBy: AnyField.self).allKeys.first(where: { !known.contains($0.stringValue) }) {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: codingPath,
          debugDescription: "'\(unknown.stringValue)' is no field here: possible are \(known.joined(separator: ", "))"))
    }
    return try container(keyedBy: fields)
  }
}
