internal import Foundation

/// A name and a password as browsers send them (RFC 7617).
enum BasicLogin {
  static func read(_ header: String?) -> (name: String, password: String)? {
    guard let header, header.lowercased().hasPrefix("basic "),
      let data = Data(base64Encoded: header.dropFirst(6).trimmingCharacters(in: .whitespaces)),
      let text = String(validating: data, as: UTF8.self), let colon = text.firstIndex(of: ":")
    else { return nil }
    return (String(text[..<colon]), String(text[text.index(after: colon)...]))
  }
}

/// Compares secrets in a time that does not tell where they differ.
enum Secret {
  static func areEqual(_ given: String, _ known: String) -> Bool {
    let given = Array(given.utf8), known = Array(known.utf8)
    var difference: UInt8 = given.count == known.count ? 0 : 1
    for index in known.indices { difference |= known[index] ^ (index < given.count ? given[index] : 0) }
    return difference == 0
  }
}
