public import Warren

/// Something that goes wrong in production and can be made to go wrong in a test: see ``TestBroker/inject(_:)``.
public struct Fault: Sendable, Equatable {
  enum Kind: Sendable { case outcomeLost, workerKilled, deliveredTwice }
  let kind: Kind
  /// The messages that it happens to; `nil`: any.
  public let name: MessageName?
  /// How often it happens.
  public var times: Int

  /// The handler does its work, and the outcome does not reach the broker: the message is handled again.
  public static func outcomeLost(of name: MessageName? = nil, times: Int = 1) -> Fault {
    Fault(kind: .outcomeLost, name: name, times: times)
  }
  /// The process dies while it handles the message, after the work and before the outcome: all that the worker holds is
  /// handled again, and counts an interruption.
  public static func workerKilled(handling name: MessageName? = nil, times: Int = 1) -> Fault {
    Fault(kind: .workerKilled, name: name, times: times)
  }
  /// The message is stored twice in every queue, under the same id, as after a publish that is repeated because its outcome
  /// was unknown.
  public static func deliveredTwice(_ name: MessageName? = nil, times: Int = 1) -> Fault {
    Fault(kind: .deliveredTwice, name: name, times: times)
  }

  func concerns(_ message: Message) -> Bool { name == nil || name == message.name }
}
