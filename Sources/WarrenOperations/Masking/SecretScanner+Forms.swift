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

  /// The text of an element of XML whose name begins here and was just read, up to the next tag.
  func textOfElement(_ begin: Int) -> Range<Int>? {
    guard isOne(of: "<:", begin - 1) else { return nil }
    var open = begin - 1
    while isWord(open) || isOne(of: ":", open) { open -= 1 }
    guard isOne(of: "<", open) else { return nil }
    // Attributes may stand between.
    let close = isSpace(position) ? end(from: position) { !isOne(of: "<>\r\n", $0) } : position
    guard isOne(of: ">", close), !isOne(of: "/", close - 1) else { return nil }
    return (close + 1)..<end(from: close + 1) { !isOne(of: "<", $0) }
  }

  /// The password of a login before a host without a scheme, whose name ends here: `ada:S3cr3t@host:5432`,
  /// `ada:S3cr3t@tcp(host:3306)`.
  func passwordBeforeHost(_ colon: Int) -> Range<Int>? {
    guard isOne(of: ":", colon), !starts(with: "://", at: colon) else { return nil }
    // Addresses of people begin so, too.
    if ["mailto", "sip", "sips", "xmpp", "acct"].contains(text(position..<colon).lowercased()) { return nil }
    let at = end(from: colon + 1) { !isSpace($0) && !isOne(of: "@/\r\n\"'`<>(),;", $0) }
    guard at > colon + 1, isOne(of: "@", at) else { return nil }
    let host = end(from: at + 1) { isWord($0) || isOne(of: ".", $0) }
    if isOne(of: "(", host) { return ["tcp", "unix"].contains(text((at + 1)..<host)) ? (colon + 1)..<at : nil }
    guard host > at + 1, isOne(of: ":", host) else { return nil }
    let port = end(from: host + 1, while: isWord)
    let isPort = (2...5).contains(port - host - 1) && bytes[(host + 1)..<port].allSatisfy(Self.isDigit)
    return isPort ? (colon + 1)..<at : nil
  }

  /// What stands alone on the line after a name, empty lines aside: `Your code:`, and below it `482913`.
  func wordOnNextLine(_ index: Int) -> Range<Int>? {
    let line = end(from: index, while: isSpace)
    guard isOne(of: "\r\n", line) else { return nil }
    let start = end(from: line) { isSpace($0) || isOne(of: "\r\n", $0) }
    let stop = end(from: start) { !isSpace($0) && !isOne(of: "\r\n", $0) }
    let isAlone = isOne(of: "\r\n", end(from: stop, while: isSpace)) || end(from: stop, while: isSpace) == bytes.count
    return stop > start && isAlone && !isOne(of: ":", stop - 1) ? start..<stop : nil
  }

  /// Where a number ends that is written in groups: `482 913`, `4111 1111 1111 1111`, `DE89 3704 0044 0532 0130 00`.
  func endOfGroups(_ first: Range<Int>) -> Int? {
    func isNumber(_ range: Range<Int>) -> Bool { bytes[range].allSatisfy(Self.isDigit) }
    let isAccount =
      first.count == 4 && bytes[first].prefix(2).allSatisfy(Self.isCapital)
      && isNumber((first.lowerBound + 2)..<first.upperBound)
    guard isAccount || (2...4).contains(first.count) && isNumber(first) else { return nil }
    var stop = first.upperBound
    while isOne(of: " ", stop) {
      let next = end(from: stop + 1, while: isWord)
      let group = (stop + 1)..<next
      let isPart =
        isNumber(group) && (2...4).contains(group.count)
        || isAccount && (1...4).contains(group.count)
          && bytes[group].allSatisfy { Self.isDigit($0) || Self.isCapital($0) }
      guard isPart, !group.isEmpty else { break }
      stop = next
    }
    return stop > first.upperBound ? stop : nil
  }
}
