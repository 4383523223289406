/// Secrets that are told by their own form, or by that of what they stand in.
extension SecretScanner {
  /// Services that give all of their tokens a beginning which nothing else has.
  private static let beginnings: [StaticString] = [
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-",
    "sk_live_", "sk_test_", "rk_live_", "sk-", "AIza", "SG.", "npm_", "pypi-", "hf_", "dop_v1_", "shpat_",
  ]

  /// The end of such a token, or of the id of a key of AWS, that begins here.
  func endOfKnownToken() -> Int? {
    let end = end(from: position) { isWord($0) || isOne(of: ".", $0) }
    let token = bytes[position..<end]
    guard token.count >= 20, token.contains(where: Self.isDigit) else { return nil }
    // Capitals and digits throughout.
    if starts(with: "AKIA") || starts(with: "ASIA") {
      return token.count == 20 && token.allSatisfy { Self.isDigit($0) || Self.isCapital($0) } ? end : nil
    }
    return Self.beginnings.contains(where: { starts(with: $0) }) ? end : nil
  }

  private static func isCapital(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }

  /// Whether a pair that begins here stands behind another, as in `Server=x;Password=y`.
  func isBehindSemicolon(_ begin: Int) -> Bool {
    var index = begin - 1
    // A name may have several words.
    while index >= 0, isWord(index) || isSpace(index) { index -= 1 }
    return isOne(of: ";", index)
  }

  /// Where the value of a pair begins whose sign of equality is encoded.
  func encodedValue(_ index: Int) -> Int? {
    starts(with: "%3D", at: index) || starts(with: "%3d", at: index) ? index + 3 : nil
  }

  /// Cookies behind the name of their header without a colon: `cookie sid=x; lang=en`.
  func cookieBehind(_ start: Int, _ word: String) -> Value? {
    guard FieldName.words(of: word).last == "cookie" else { return nil }
    let name = end(from: start, while: isWord)
    guard name > start, isOne(of: "=", name) else { return nil }
    return Value(start: start, content: .secret, end: end(from: start) { !isOne(of: "\r\n\"'`", $0) })
  }
}
