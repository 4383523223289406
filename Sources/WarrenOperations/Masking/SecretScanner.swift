/// Finds secrets in running text: by the word before them, by their place in a URL, and what can be nothing else.
///
/// It works on UTF-8, since a body can be large; every byte of a character beyond ASCII is part of a word.
struct SecretScanner {
  let bytes: [UInt8]
  private(set) var position = 0
  private var output: [UInt8] = []
  private var previousWord: String?

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func masked() -> String {
    output.reserveCapacity(bytes.count)
    while position < bytes.count {
      if starts(with: "-----BEGIN "), let end = endOfPrivateKey() {
        replace(to: end)
      } else if isWord(position) {
        word()
      } else if starts(with: "://") {
        let scheme = previousWord?.lowercased() ?? ""
        emit(3)
        userInfo(scheme)
      } else {
        emit(to: end(from: position + 1) { !isWord($0) && !isOne(of: ":", $0) })
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  // MARK: Bytes

  func isWord(_ index: Int) -> Bool {
    guard index < bytes.count else { return false }
    return switch bytes[index] {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...,
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  func isSpace(_ index: Int) -> Bool { index < bytes.count && (bytes[index] == 0x20 || bytes[index] == 0x09) }

  func isOne(of characters: StaticString, _ index: Int) -> Bool {
    guard bytes.indices.contains(index) else { return false }
    return characters.withUTF8Buffer { $0.contains(bytes[index]) }
  }

  func starts(with text: StaticString, at index: Int? = nil) -> Bool {
    let start = index ?? position
    return text.withUTF8Buffer { text in
      // Almost always it is the first byte that differs.
      bytes.count - start >= text.count && bytes[start] == text[0] && bytes[start...].starts(with: text)
    }
  }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  func end(from start: Int, while condition: (Int) -> Bool) -> Int {
    var index = start
    while index < bytes.count, condition(index) { index += 1 }
    return index
  }

  func endOfLine(from start: Int) -> Int { end(from: start) { !isOne(of: "\r\n", $0) } }

  mutating func emit(_ count: Int) { emit(to: position + count) }

  mutating func emit(to index: Int) {
    let end = min(index, bytes.count)
    output += bytes[position..<end]
    position = end
  }

  mutating func replace(to end: Int) {
    output += Array(Mask.placeholder.utf8)
    position = end
  }

  // MARK: Places and forms

  /// What stands before the `@` of a URL: of `user:password` the password, and of a page's address all of it, which is
  /// then a token. A password that is not encoded may hold a slash.
  private mutating func userInfo(_ scheme: String) {
    let whole = end(from: position) { !isSpace($0) && !isOne(of: "\r\n\"'<>`", $0) }
    let authority = min(whole, end(from: position) { !isOne(of: "/?#", $0) })
    func last(_ end: Int) -> Int? { bytes[position..<end].lastIndex(of: UInt8(ascii: "@")) }
    let colon = bytes[position..<authority].firstIndex(of: UInt8(ascii: ":"))
    var at = last(authority)
    if at == nil, let colon, !bytes[(colon + 1)..<authority].allSatisfy(Self.isDigit) { at = last(whole) }
    guard let at else { return }
    if let colon, colon < at {
      emit(to: colon + 1)
      if colon + 1 < at { replace(to: at) }
    } else if scheme.hasPrefix("http"), at > position {
      replace(to: at)
    }
  }

  static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private func endOfPrivateKey() -> Int? {
    guard text(position..<endOfLine(from: position)).contains("PRIVATE KEY-----") else { return nil }
    var index = position + 1
    while index < bytes.count {
      if starts(with: "-----END ", at: index) { return end(from: index) { isWord($0) || isSpace($0) } }
      index += 1
    }
    return bytes.count
  }

  /// The end of a JSON Web Token that begins here: two or three parts in Base64, the first of which is a JSON object.
  private func endOfWebToken() -> Int? {
    guard starts(with: "eyJ") else { return nil }
    let first = end(from: position, while: isWord)
    guard first - position >= 10, isOne(of: ".", first) else { return nil }
    let second = end(from: first + 1, while: isWord)
    guard second - first > 4 else { return nil }
    return isOne(of: ".", second) ? end(from: second + 1, while: isWord) : second
  }

  /// Whether this is a code that is said before its name: `482913 is your BookSpace code`.
  private func isCode(_ range: Range<Int>) -> Bool {
    let digits = bytes[range].count(where: Self.isDigit)
    guard digits >= 4, range.count <= 12 else { return false }
    guard starts(with: " is your ", at: range.upperBound) || starts(with: " is the ", at: range.upperBound) else {
      return false
    }
    let sentence = end(from: range.upperBound) { !isOne(of: ".!?\r\n", $0) }
    var previous: String?
    for word in text((range.upperBound + 4)..<sentence).split(separator: " ").prefix(8) {
      if FieldName.content(of: word, after: previous) != .harmless { return true }
      previous = String(word)
    }
    return false
  }

  // MARK: Words

  private mutating func word() {
    if let end = endOfWebToken() ?? endOfKnownToken() { return replace(to: end) }
    let end = end(from: position, while: isWord)
    if let secret = optionWithValue(position..<end) {
      emit(to: secret.lowerBound)
      return replace(to: secret.upperBound)
    }
    if isCode(position..<end) { return replace(to: end) }
    if let password = passwordBeforeHost(end) {
      emit(to: password.lowerBound)
      return replace(to: password.upperBound)
    }
    let word = text(position..<end)
    let content = FieldName.content(of: word, after: previousWord)
    let quote = position > 0 && isOne(of: "\"'`", position - 1) ? bytes[position - 1] : nil
    emit(to: end)
    previousWord = word
    if ["bearer", "basic"].contains(word.lowercased()) {
      if isSpace(position) { hide(Value(start: position + 1, content: .code, minimum: 8, wordLimit: 16)) }
    } else if let secret = valueOfOption(word) {
      emit(to: secret.lowerBound)
      replace(to: secret.upperBound)
    } else if content != .harmless, let value = value(of: word, content, quotedBy: quote) {
      hide(value)
    }
  }

  /// A value that may be a secret.
  struct Value {
    var start: Int
    var content: FieldName.Content
    /// Where it ends for certain: at a closing quote or with its line.
    var end: Int?
    var minimum = 4
    /// How long a mere word has to be to be no word.
    var wordLimit = Int.max
  }

  /// The value, if `:`, `=` or `is` follows the word, or it stands in quotes behind it.
  private func value(of word: String, _ content: FieldName.Content, quotedBy quote: UInt8?) -> Value? {
    let begin = position - word.utf8.count
    if let element = textOfElement(begin) {
      return Value(start: element.lowerBound, content: content, end: element.upperBound)
    }
    var next = end(from: position) { isOne(of: "\\\"'`", $0) }
    let isClosed = next > position
    next = end(from: next, while: isSpace)
    var value = Value(start: next, content: content)
    var isHeader = false
    var isPhrase = false
    if let start = encodedValue(next) {
      // A URL within a URL.
      return Value(start: start, content: content, end: self.end(from: start) { isWord($0) || isOne(of: ".+/~", $0) })
    } else if isOne(of: ":=", next) {
      let isColon = bytes[next] == UInt8(ascii: ":")
      isHeader = isColon && ["authorization", "cookie"].contains { FieldName.words(of: word).last == $0 }
      isPhrase = ["passphrase", "phrase", "mnemonic"].contains { FieldName.words(of: word).last == $0 }
      let isPair = bytes[next] == UInt8(ascii: "=") && isBehindSemicolon(begin)
      next = end(from: next) { isOne(of: ":=>", $0) }
      // In a connection string nothing but a semicolon ends a value.
      if isPair { value.end = end(from: next) { !isOne(of: ";\r\n\"'`<>", $0) } }
      if isColon, let line = wordOnNextLine(next) {
        return Value(start: line.lowerBound, content: .code, end: line.upperBound)
      }
      // As a header has it.
      if isColon, content == .several, FieldName.words(of: word).last == "cookies" {
        let name = end(from: end(from: next, while: isSpace), while: isWord)
        isHeader = isOne(of: "=", name)
      }
    } else if starts(with: "->", at: next) {
      next += 2
    } else if next > position, starts(with: "was ", at: next) {
      next += 4
      value.content = content == .secret ? .code : content
    } else if next > position, starts(with: "is ", at: next) || starts(with: "is: ", at: next) {
      next = end(from: next + 2) { isOne(of: ":", $0) }
      // What a password is, is the password; what an authorization or a token is, mostly is a sentence.
      let names: Set = ["authorization", "cookie", "token", "credential", "credentials", "signature"]
      if content == .secret, FieldName.words(of: word).contains(where: names.contains) { value.content = .code }
    } else if isClosed || next == position {
      return nil
    } else if word.hasPrefix("--"), !isOne(of: "-", next) {
      // An option of a command line: --password x.
    } else if !isOne(of: "\"'`", next) {
      return cookieBehind(next, word) ?? codeBehind(next, word, content)
    }
    next = end(from: next, while: isSpace)
    let opening = next
    next = end(from: next) { isOne(of: "\\", $0) }
    if isOne(of: "\"'`", next) {
      value.end = closing(bytes[next], escapes: next - opening, from: next + 1)
      next += 1
    } else {
      next = opening
      // A quote that begins before the header ends behind it: curl -H 'Authorization: Token x'.
      let around = isClosed ? nil : quote.flatMap { closing($0, escapes: 0, from: next) }
      if isHeader { value.end = around ?? endOfLine(from: next) }
      if isPhrase { value.end = end(from: next) { !isOne(of: "\r\n\"'`,;&)}]<>\\", $0) } }
    }
    for scheme: StaticString in ["Bearer ", "Basic ", "Digest ", "Token ", "Negotiate ", "bearer ", "basic ", "token "]
    where starts(with: scheme, at: next) {
      next += scheme.utf8CodeUnitCount
    }
    value.start = next
    return next < bytes.count ? value : nil
  }

  /// A code right behind its name: `OTP 482913`, or another secret that is no word.
  private func codeBehind(_ start: Int, _ word: String, _ content: FieldName.Content) -> Value? {
    let end = end(from: start, while: isWord)
    let digits = bytes[start..<end].count(where: Self.isDigit)
    let isCard = ["cvv", "cvc", "csc"].contains { FieldName.words(of: word).last == $0 }
    let isGrouped = endOfGroups(start..<end).map { $0 - start >= 6 } == true
    guard content != .several, end - start >= (isCard ? 3 : 4) || isGrouped, digits > 0 else { return nil }
    if digits == end - start || isGrouped { return Value(start: start, content: content) }
    // As in a file of logins: `machine h login ada password S3cr3t`.
    return content == .secret && end - start >= 6 ? Value(start: start, content: .code) : nil
  }

  /// Where a quotation ends: at the same quote behind as many backslashes as the opening one had.
  func closing(_ quote: UInt8, escapes: Int, from start: Int) -> Int? {
    var index = start
    var backslashes = 0
    while index < bytes.count {
      if bytes[index] == quote, escapes == 0 ? backslashes.isMultiple(of: 2) : backslashes == escapes {
        return index - escapes
      }
      backslashes = bytes[index] == UInt8(ascii: "\\") ? backslashes + 1 : 0
      index += 1
    }
    return nil
  }

  /// Hides the value unless it is prose: short, or, below the limit, a mere word, as in "code: not found".
  private mutating func hide(_ value: Value) {
    var end = value.end ?? end(from: value.start) { !isSpace($0) && !isOne(of: "\r\n\\\"'`,;&)}]<>", $0) }
    if value.end == nil { while end > value.start, isOne(of: ".!", end - 1) { end -= 1 } }
    if value.end == nil, value.content != .several, let groups = endOfGroups(value.start..<end) { end = groups }
    if end <= value.start { return }
    let shown = bytes[value.start..<end]
    switch value.content {
    case .harmless: return
    case .several: if shown.allSatisfy({ Self.isDigit($0) }) { return }
    case .secret: if ["null", "nil", "true", "false"].contains(String(decoding: shown, as: UTF8.self)) { return }
    case .code:
      let isWord = !shown.contains(where: Self.isDigit) && shown.count < value.wordLimit
      if shown.count < value.minimum || isWord { return }
    }
    emit(to: value.start)
    replace(to: end)
  }
}
