internal import HTTPTypes

/// Tells a request that a page of ours has made from one that another site has made a browser send.
///
/// Two things must hold for what changes anything: the browser does not say that another site asks (`Sec-Fetch-Site`, or
/// `Origin` where that is missing), and the form holds the token that is also in a cookie, which no other site can read.
enum Forgery {
  static let cookie = "warren-dashboard"
  static let field = "token"

  private static let site = HTTPField.Name("Sec-Fetch-Site")
  private static let bytes = 16

  /// 128 random bits of the system, as hexadecimal digits.
  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<bytes).map { _ in
      let byte = UInt8.random(in: .min ... .max, using: &generator)
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  /// Whether this text can be a token that ``random()`` has made.
  static func isToken(_ text: String) -> Bool {
    text.utf8.count == 2 * bytes
      && text.utf8.allSatisfy { ("0"..."9").contains(Unicode.Scalar($0)) || ("a"..."f").contains(Unicode.Scalar($0)) }
  }

  /// What is wrong with where a request comes from; `nil`: nothing.
  static func complaint(_ headers: HTTPFields, host: String?) -> String? {
    if let site, let value = headers[site] {
      return value == "same-origin" || value == "none" ? nil : "another site has sent this request: nothing was done"
    }
    guard let origin = headers[.origin] else { return nil }
    let place = origin.split(separator: "/", maxSplits: 2).last.map(String.init)
    return place == host ? nil : "another site has sent this request: nothing was done"
  }

  /// Whether both are there and the same; how long it takes does not tell where they differ.
  static func matches(_ sent: String?, _ known: String?) -> Bool {
    guard let sent, let known, isToken(sent), isToken(known) else { return false }
    return zip(sent.utf8, known.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
