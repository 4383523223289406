/// An address within the dashboard: a path below its prefix, with fields. Every name goes into a field, encoded, so that no
/// name can change where a link leads.
struct Link: Sendable, Equatable {
  /// Where the dashboard is mounted: empty, or `/admin/queues`.
  let prefix: String
  let path: String
  var fields: [Field] = []

  struct Field: Sendable, Equatable {
    var name: String
    var value: String
  }

  /// The same address with a field; one that is empty is left out.
  func with(_ name: String, _ value: String?) -> Link {
    guard let value, !value.isEmpty else { return self }
    var link = self
    link.fields.append(Field(name: name, value: value))
    return link
  }

  var text: String {
    let place = path.isEmpty ? (prefix.isEmpty ? "/" : prefix) : "\(prefix)/\(path)"
    return fields.isEmpty ? place : place + "?" + FormFields(fields).text
  }
}

/// Fields of an address or a form, as browsers write them (`application/x-www-form-urlencoded`). Names may repeat.
struct FormFields: Sendable, Equatable {
  private(set) var list: [Link.Field]

  init(_ list: [Link.Field] = []) { self.list = list }

  /// Reads them; what is not encoded as it should be is taken as it is.
  init(_ text: some StringProtocol) {
    list = text.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return Link.Field(name: Self.decoded(parts[0]), value: parts.count > 1 ? Self.decoded(parts[1]) : "")
    }
  }

  /// The first value of this name that is not empty.
  subscript(_ name: String) -> String? { list.first { $0.name == name && !$0.value.isEmpty }?.value }

  mutating func remove(_ name: String) { list.removeAll { $0.name == name } }

  func all(_ name: String) -> [String] { list.filter { $0.name == name }.map(\.value) }

  var text: String {
    list.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
  }

  private static let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)

  private static func encoded(_ text: String) -> String {
    var output = ""
    for byte in text.utf8 {
      if plain.contains(byte) {
        output.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        output += byte < 16 ? "%0" : "%"
        output += String(byte, radix: 16, uppercase: true)
      }
    }
    return output
  }

  private static func decoded(_ text: some StringProtocol) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+") {
        bytes.append(UInt8(ascii: " "))
      } else if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.first != UInt8(ascii: "+")
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
