public import Warren

/// Hides passwords, codes and tokens in what an operator is shown.
///
/// It goes by the names of fields and headers (`password`, `otp`, `code`, `accessToken`, `Authorization` …) and, in running
/// text, by the word before (`your code is 123456`). What it hides becomes `***`. It is a courtesy to the people whose
/// messages are looked at, not a wall: whoever operates the broker can read the messages.
public struct Mask: Sendable, Equatable {
  /// Whether anything is hidden.
  public let isOn: Bool
  /// What stands for a secret.
  public static let placeholder = "***"
  /// Hides what is known to be secret.
  public static let standard = Mask(isOn: true)
  /// Hides nothing.
  public static let off = Mask(isOn: false)

  /// Whether the value of a field or header with this name is hidden.
  public func hides(_ name: String) -> Bool { isOn && FieldName.verdict(name) != .harmless }

  /// Headers without their secrets.
  public func headers(_ headers: Message.Headers) -> Message.Headers {
    if !isOn { return headers }
    var masked = headers
    for (name, value) in headers { masked[name] = hides(name) ? Self.placeholder : text(value) }
    return masked
  }

  /// A document without its secrets. The whole of a secret's value goes, be it an object or a list.
  public func json(_ document: JSONText) -> JSONText {
    if !isOn { return document }
    return switch document {
    case .object(let members):
      .object(
        members.map { member in
          let isHidden = hides(member.name) && member.value != .literal("null")
          return .init(member.name, isHidden ? .string(Self.placeholder) : json(member.value))
        })
    case .array(let elements): .array(elements.map(json))
    case .string(let string): .string(text(string))
    case .literal: document
    }
  }

  /// Running text without its secrets: `password=…`, `"token": "…"`, `your code is 123456`, `Bearer …`, the password of a
  /// URL.
  public func text(_ text: String) -> String {
    if !isOn { return text }
    var scanner = SecretScanner(text)
    return scanner.masked()
  }
}
