public import Warren

/// Hides passwords, codes and tokens in what an operator is shown.
///
/// It goes by the names of fields and headers (`password`, `otp`, `code`, `accessToken`, `Authorization` …); in running text
/// by the word before (`your code is 123456`), by the place in a URL and by the form of a token. What it hides becomes `***`.
/// It is a courtesy to the people whose messages are looked at, not a wall: an operator can read the messages anyway.
public struct Mask: Sendable, Equatable {
  /// Whether anything is hidden.
  public let isOn: Bool
  /// What stands for a secret.
  public static let placeholder = "***"
  /// Hides what is known to be secret.
  public static let standard = Mask(isOn: true)
  /// Hides nothing.
  public static let off = Mask(isOn: false)

  /// Whether the value of a field or header with this name is hidden, whatever it is.
  public func hides(_ name: String) -> Bool { isOn && [.secret, .code].contains(FieldName.content(of: name)) }

  /// Failures without the secrets in what they say.
  func failures(_ failures: [Failure]) -> [Failure] {
    failures.map { failure in
      var shown = failure
      shown.message = text(failure.message)
      return shown
    }
  }

  /// Headers without their secrets.
  public func headers(_ headers: Message.Headers) -> Message.Headers {
    if !isOn { return headers }
    var masked = headers
    for (name, value) in headers {
      masked[name] =
        switch FieldName.content(of: name) {
        case .secret, .code: Self.placeholder
        case .several where Double(value) == nil: Self.placeholder
        case .several, .harmless: text(value)
        }
    }
    return masked
  }

  /// A document without its secrets. The whole of a secret's value goes, be it an object or a list; what is only true,
  /// false or null stays.
  public func json(_ document: JSONText) -> JSONText { isOn ? json(document, in: nil) : document }

  private func json(_ document: JSONText, in name: String?) -> JSONText {
    switch document {
    case .object(let members) where namesSecret(members):
      // Headers and the like as a list: {"name": "Authorization", "value": "…"}.
      .object(
        members.map { member in
          .init(member.name, member.name.lowercased() == "value" ? hidden(member.value) : json(member.value, in: name))
        })
    case .object(let members):
      .object(
        members.map { member in
          let shown: JSONText =
            switch FieldName.content(of: member.name, in: name) {
            case .secret, .code: hidden(member.value)
            case .several: withoutText(member.value)
            case .harmless: json(member.value, in: member.name)
            }
          return .init(member.name, shown)
        })
    case .array(let elements): .array(masked(elements, in: name))
    case .string(let string): .string(text(string))
    case .literal: document
    }
  }

  private func namesSecret(_ members: [JSONText.Member]) -> Bool {
    members.contains { member in
      guard ["name", "key", "field", "header"].contains(member.name.lowercased()), case .string(let name) = member.value
      else { return false }
      return FieldName.content(of: name) == .secret
    }
  }

  /// The elements of a list, in which a name or an option may stand before its value.
  private func masked(_ elements: [JSONText], in name: String?) -> [JSONText] {
    let isPairs =
      elements.count > 0 && elements.allSatisfy { if case .array(let pair) = $0 { pair.count == 2 } else { false } }
    var previous: String?
    let program = if case .string(let first) = elements.first { FieldName.program(first) } else { "" }
    return elements.map { element in
      defer { if case .string(let text) = element { previous = text } else { previous = nil } }
      if isPairs, case .array(let pair) = element, case .string(let key) = pair[0], hides(key) {
        return .array([pair[0], hidden(pair[1])])
      }
      if case .string(let value) = element, let option = previous, option.hasPrefix("-"), !value.contains("\"") {
        // As it would be on the command line.
        let begin = "\(program) \(option) \""
        let shown = text("\(begin)\(value)\"")
        if shown.hasPrefix(begin) { return .string(String(shown.dropFirst(begin.count).dropLast())) }
      }
      return json(element, in: name)
    }
  }

  private func hidden(_ value: JSONText) -> JSONText {
    if case .literal(let literal) = value, ["null", "true", "false"].contains(literal) { return value }
    return .string(Self.placeholder)
  }

  /// The value of a plural: numbers are counts, and every text in it is a secret.
  private func withoutText(_ value: JSONText) -> JSONText {
    switch value {
    case .object(let members): .object(members.map { .init($0.name, withoutText($0.value)) })
    case .array(let elements): .array(elements.map(withoutText))
    case .string: .string(Self.placeholder)
    case .literal: value
    }
  }

  /// Running text without its secrets: `password=…`, `"token": "…"`, `your code is 123456`, `Authorization: …` to the end of
  /// its line, the password of a URL, JSON Web Tokens and private keys wherever they stand.
  public func text(_ text: String) -> String {
    if !isOn { return text }
    var scanner = SecretScanner(text)
    return scanner.masked()
  }
}
