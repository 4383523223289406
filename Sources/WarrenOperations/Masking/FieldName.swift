/// Tells from the name of a field whether its value is a secret.
///
/// Names are read word by word, however they are written: `accessToken`, `access_token` and `Access-Token` are one.
enum FieldName {
  /// How sure the name is.
  enum Verdict: Equatable {
    case harmless
    case secret
    /// A secret when the value looks like one: in running text `code: E42 not found` is none.
    case code
  }

  private static let secrets: Set<String> = [
    "password", "passwords", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets", "token", "tokens",
    "authorization", "credential", "credentials", "otp", "totp", "pin", "cvv", "cvc", "cookie", "cookies", "jwt",
    "apikey",
  ]
  private static let secretPairs: Set<String> = [
    "api key", "private key", "access key", "encryption key", "signing key", "card number", "set cookie",
  ]
  /// Parts that give a name away even when it is written as one word.
  private static let secretParts = ["password", "secret", "apikey", "privatekey", "accesstoken", "authorization"]
  /// What stands before `code` when it is no secret.
  private static let harmlessCodes: Set<String> = [
    "status", "country", "postal", "zip", "post", "error", "exit", "currency", "language", "lang", "area", "response",
    "http", "type", "reason", "product", "item", "booking", "region", "city", "airport", "source", "colour", "color",
    "return", "result",
  ]

  static func verdict(_ name: some StringProtocol, after previous: String? = nil) -> Verdict {
    let words = words(of: name)
    if words.contains(where: secrets.contains) { return .secret }
    if zip(words, words.dropFirst()).contains(where: { secretPairs.contains("\($0) \($1)") }) { return .secret }
    let joined = words.joined()
    if secretParts.contains(where: joined.contains) { return .secret }
    if words.contains("code") || words.contains("codes") {
      let before = words + (previous.map { [$0.lowercased()] } ?? [])
      return before.contains(where: harmlessCodes.contains) ? .harmless : .code
    }
    return .harmless
  }

  /// `accessToken2`, `access_token-2` → `access`, `token`, `2`.
  static func words(of name: some StringProtocol) -> [String] {
    var words: [String] = []
    var word = ""
    var previous: Character?
    for character in name {
      let isPart = character.isLetter || character.isNumber
      let begins =
        character.isUppercase && previous?.isLowercase == true || character.isNumber && previous?.isLetter == true
        || character.isLetter && previous?.isNumber == true
      if !isPart || begins, !word.isEmpty {
        words.append(word.lowercased())
        word = ""
      }
      if isPart { word.append(character) }
      previous = character
    }
    if !word.isEmpty { words.append(word.lowercased()) }
    return words
  }
}
