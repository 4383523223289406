/// Why a mail was not sent.
public struct MailError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of failure it is, which decides whether another try can help.
  public struct Kind: Sendable, Hashable, CustomStringConvertible {
    private let text: String
    /// The server cannot be reached, is busy, or answered with 4xx: another try can help.
    public static let temporary = Kind(text: "temporary")
    /// The server refused this mail for good, with 5xx: another try brings the same answer.
    public static let permanent = Kind(text: "permanent")
    /// The mail or the settings are wrong; nothing was sent to any server.
    public static let invalid = Kind(text: "invalid")
    /// The task was cancelled. The server may have the mail or not.
    public static let cancelled = Kind(text: "cancelled")
    /// The word for logs.
    public var description: String { text }
  }

  /// The kind.
  public let kind: Kind
  /// What happened, without addresses or passwords of ours; with the server's answer, if there was one.
  public let message: String
  /// The code of the server's answer: 550.
  public let replyCode: Int?

  /// An error.
  public init(_ kind: Kind, _ message: String, replyCode: Int? = nil) {
    self.kind = kind
    self.message = message
    self.replyCode = replyCode
  }

  /// The message.
  public var description: String { message }
}
