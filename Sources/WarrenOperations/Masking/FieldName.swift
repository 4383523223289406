/// Tells from the name of a field whether its value is a secret.
///
/// A name is read word by word, however it is written: `accessToken`, `access_token`, `Access-Token` and `ACCESSToken` are
/// one. As in any English compound the last word says what it is, and those before it say which: `tokenCount` is a count,
/// `cookiePolicy` a policy and `secretary` none of the words that name secrets.
enum FieldName {
  /// What the field holds, as far as its name tells.
  enum Content: Equatable {
    case harmless
    case secret
    /// Several secrets, or how many there are: `tokens: 1234` is a number, and no number is hidden.
    case several
    /// A secret when the value looks like one: in running text `code: E42 not found` is none.
    case code
  }

  /// Words that name a secret.
  private static let secrets: Set<String> = [
    "password", "passwd", "pwd", "passphrase", "passcode", "passkey", "secret", "token", "authorization", "credential",
    "credentials", "otp", "totp", "pin", "pincode", "cvv", "cvc", "csc", "cookie", "jwt", "apikey", "privatekey",
    "iban",
    "ssn", "bearer", "signature", "sig", "csrf", "xsrf", "mnemonic", "psk",
  ]
  /// Words that name a secret also where they are the end of a longer word: `newpassword`, `clientsecret`.
  private static let endings = [
    "password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "privatekey",
    "signature", "sessionid", "sessid",
  ]
  /// What may stand behind the word without changing what is in the field.
  private static let forms: Set<String> = [
    "value", "hash", "plain", "plaintext", "text", "string", "raw", "new", "old", "current", "confirm", "confirmation",
    "confirmed", "repeat", "repeated", "again", "header", "hex", "base", "encoded", "encrypted",
    "v", "b", "pem", "der", "jwk",
  ]
  /// Which of these things are secrets.
  private static let kinds: [String: Set<String>] = [
    "key": [
      "api", "private", "access", "encryption", "signing", "secret", "ssh", "master", "shared", "auth", "session",
      "service", "account",
      "deploy", "license", "webhook", "storage", "hmac", "wifi", "psk",
    ],
    "number": ["card", "account", "iban", "ssn", "security"], "no": ["card", "account"],
    "seed": ["totp", "otp", "wallet", "mfa"], "id": ["session"],
    "phrase": ["pass", "seed", "recovery", "secret"],
    "answer": ["secret", "security"], "pass": ["user", "db", "admin", "smtp", "my", "app"],
    "word": ["pass"], "wd": ["pass"],
  ]
  /// What is no password although it is called a pass.
  private static let harmlessPasses: Set<String> = ["boarding", "ski", "season", "travel", "visitor", "parking"]
  /// The codes that let a person in.
  private static let secretCodes: Set<String> = [
    "otp", "totp", "verification", "verify", "confirmation", "confirm", "security", "pin", "pass", "auth",
    "authentication",
    "authorization", "login", "signin", "access", "activation", "reset", "recovery", "backup", "sms", "mail", "email",
    "phone",
    "mfa", "fa", "tfa", "factor", "secret", "unlock", "invite", "invitation", "gift", "voucher", "pairing", "temporary",
  ]
  /// What stands before the bare word `code` when it is none of these.
  private static let harmlessCodes: Set<String> = [
    "status", "country", "postal", "zip", "post", "sort", "error", "errors", "exception", "failure", "problem", "exit",
    "currency", "language", "lang", "area", "response", "http", "type", "reason", "product", "item", "booking",
    "region",
    "city", "airport", "source", "colour", "color", "return", "result", "promo", "coupon", "discount", "bar", "qr",
    "bank",
    "swift", "branch", "tax", "unit", "flight", "order", "tracking", "reference", "machine", "byte",
  ]

  /// - Parameters:
  ///   - outer: the name of the object that the field is in.
  ///   - previous: in running text, the word before.
  static func content(
    of name: some StringProtocol, in outer: String? = nil, after previous: String? = nil
  ) -> Content {
    var words = words(of: name)
    while words.count > 1, let last = words.last, forms.contains(last) || last.allSatisfy(\.isNumber) {
      words.removeLast()
    }
    guard let last = words.popLast() else { return .harmless }
    let before = words.last ?? outer.flatMap { Self.words(of: $0).last }
    if isSecret(last, before) { return .secret }
    if last == "pass", words.isEmpty { return before.map(harmlessPasses.contains) == true ? .harmless : .code }
    if last == "code" { return code(words.last, before, previous) }
    if last == "codes" { return code(words.last, before, previous) == .code ? .several : .harmless }
    if last.hasSuffix("s"), isSecret(String(last.dropLast()), before) { return .several }
    return .harmless
  }

  /// The name of a program at the beginning of a list of arguments, without its folder; empty if it is none.
  static func program(_ first: String) -> String {
    let name = first.split(separator: "/").last.map(String.init) ?? ""
    return name.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) } && !name.hasPrefix("-") ? name : ""
  }

  private static func isSecret(_ word: String, _ before: String?) -> Bool {
    if secrets.contains(word) || endings.contains(where: word.hasSuffix) { return true }
    guard let before else { return false }
    return kinds[word]?.contains(before) == true
  }

  private static func code(_ qualifier: String?, _ before: String?, _ previous: String?) -> Content {
    if let qualifier { return secretCodes.contains(qualifier) ? .code : .harmless }
    return [before, previous?.lowercased()].contains { $0.map(harmlessCodes.contains) == true } ? .harmless : .code
  }

  /// `accessToken2`, `access_token-2`, `ACCESSToken2` → `access`, `token`, `2`.
  static func words(of name: some StringProtocol) -> [String] {
    let characters = Array(name)
    var words: [String] = []
    var word = ""
    func isLower(_ index: Int) -> Bool { characters.indices.contains(index) && characters[index].isLowercase }
    for (index, character) in characters.enumerated() {
      let isPart = character.isLetter || character.isNumber
      let previous = index > 0 ? characters[index - 1] : nil
      // The last capital of a run begins the next word, unless only the `s` of a plural follows: APIToken, PINs.
      let endsAcronym =
        character.isUppercase && previous?.isUppercase == true && isLower(index + 1)
        && !(characters[index + 1] == "s" && !isLower(index + 2))
      let begins =
        endsAcronym || character.isUppercase && previous?.isLowercase == true
        || character.isNumber && previous?.isLetter == true || character.isLetter && previous?.isNumber == true
      if !isPart || begins, !word.isEmpty {
        words.append(word.lowercased())
        word = ""
      }
      if isPart { word.append(character) }
    }
    if !word.isEmpty { words.append(word.lowercased()) }
    return words
  }
}
