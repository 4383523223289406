/// A mailbox: an address and, if there is one, the name of who reads it.
///
/// An address goes into commands of SMTP and into headers, so what could end a command or a header there is refused here:
/// control characters, spaces, quotes, angle brackets and the like. Names may hold anything but control characters, and are
/// encoded where that is needed.
public struct MailAddress: Sendable, Hashable, CustomStringConvertible {
  /// The address: `ada@example.org`.
  public let address: String
  /// The name that is shown beside it.
  public let name: String?
  /// What stands behind the @.
  public let domain: String

  /// A mailbox.
  ///
  /// - Throws: ``MailError`` of kind `invalid` that says what is wrong, without repeating the address.
  public init(_ address: String, name: String? = nil) throws(MailError) {
    guard let at = address.lastIndex(of: "@") else { throw Self.invalid("has no @") }
    let local = address[..<at]
    let domain = address[address.index(after: at)...]
    // The limits of RFC 5321, 4.5.3.1.
    guard !local.isEmpty, local.utf8.count <= 64 else { throw Self.invalid("needs 1 to 64 characters before the @") }
    guard !domain.isEmpty, address.utf8.count <= 254 else {
      throw Self.invalid("needs a domain, and 254 characters at most")
    }
    guard local.utf8.allSatisfy(Self.isAtom), !local.hasPrefix("."), !local.hasSuffix("."), !local.contains("..") else {
      throw Self.invalid("has a character before the @ that it may not have")
    }
    guard Self.isDomain(domain) else {
      throw Self.invalid(
        "has a domain that is none: letters, digits, hyphens and dots (other scripts in their xn-- form)")
    }
    if let name, name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      throw Self.invalid("has a name with a control character in it")
    }
    self.address = address
    self.domain = String(domain)
    self.name = name.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The address, without the name.
  public var description: String { address }

  private static func invalid(_ problem: String) -> MailError {
    MailError(.invalid, "the mail address \(problem)")
  }

  /// `atext` and the dot of RFC 5322, 3.2.3.
  private static func isAtom(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
    }
  }

  private static func isDomain(_ domain: Substring) -> Bool {
    domain.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
        && label.utf8.allSatisfy {
          $0 == UInt8(ascii: "-") || ($0 < 128 && Character(UnicodeScalar($0)).isASCIIAlphanumeric)
        }
    }
  }
}

extension Character {
  fileprivate var isASCIIAlphanumeric: Bool { isASCII && (isLetter || isNumber) }
}
