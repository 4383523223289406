/// Finds secrets in running text by the word before them.
struct SecretScanner {
  private let characters: [Character]
  private var position = 0
  private var output = ""
  private var previousWord: String?

  init(_ text: String) { characters = Array(text) }

  mutating func masked() -> String {
    while position < characters.count {
      if isWord(characters[position]) {
        word()
      } else if starts(with: "://") {
        emit(3)
        userInfo()
      } else {
        emit(1)
      }
    }
    return output
  }

  private func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_" || character == "-"
  }

  private func starts(with text: String) -> Bool { characters[position...].starts(with: text) }

  private mutating func emit(_ count: Int) {
    let end = min(position + count, characters.count)
    output += String(characters[position..<end])
    position = end
  }

  /// `user:password@` after `://`.
  private mutating func userInfo() {
    let end = characters[position...].firstIndex { $0.isWhitespace || "/?#\"'<>".contains($0) } ?? characters.count
    guard let at = characters[position..<end].lastIndex(of: "@"),
      let colon = characters[position..<at].firstIndex(of: ":"), colon + 1 < at
    else { return }
    emit(colon + 1 - position)
    output += Mask.placeholder
    position = at
  }

  private mutating func word() {
    let end = characters[position...].firstIndex { !isWord($0) } ?? characters.count
    let word = String(characters[position..<end])
    let verdict = FieldName.verdict(word, after: previousWord)
    let isScheme = ["bearer", "basic"].contains(word.lowercased())
    emit(end - position)
    previousWord = word
    if isScheme {
      if position < characters.count, characters[position] == " " {
        hide(from: position + 1, secret: false, minimum: 8)
      }
    } else if verdict != .harmless, let value = startOfValue() {
      hide(from: value, secret: verdict == .secret, minimum: 4)
    }
  }

  /// Where the value begins, if `:`, `=` or `is` follows the word.
  private func startOfValue() -> Int? {
    var next = position
    func skip(_ condition: (Character) -> Bool) {
      while next < characters.count, condition(characters[next]) { next += 1 }
    }
    skip { "\\\"'`".contains($0) }
    skip { $0 == " " }
    if next < characters.count, characters[next] == ":" || characters[next] == "=" {
      next += 1
    } else if next > position, characters[next...].starts(with: "is ") || characters[next...].starts(with: "is: ") {
      next += 2
      skip { $0 == ":" }
    } else {
      return nil
    }
    skip { $0 == " " }
    for scheme in ["Bearer ", "Basic "] where characters[next...].starts(with: scheme) { next += scheme.count }
    skip { "\\\"'`".contains($0) }
    return next < characters.count ? next : nil
  }

  private mutating func hide(from start: Int, secret isCertain: Bool, minimum: Int) {
    let end =
      characters[start...].firstIndex { $0.isWhitespace || "\\\"'`,;&)}]<>".contains($0) } ?? characters.count
    var value = characters[start..<end]
    while value.last == "." || value.last == "!" { value.removeLast() }
    if value.isEmpty { return }
    // Short or wordy values after a mere "code" are prose: "code: not found".
    if !isCertain, value.count < minimum || !value.contains(where: \.isNumber) { return }
    emit(start - position)
    output += Mask.placeholder
    position = value.endIndex
  }
}
