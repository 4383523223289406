public import Warren

/// Something that goes wrong in production and can be made to go wrong in a test: see ``TestBroker/inject(_:)``.
public struct Fault: Sendable, Equatable {
  enum Kind: Sendable { case outcomeLost, workerKilled, deliveredTwice, publishFails, awayAtSubscribing }
  let kind: Kind
  /// How a publish fails.
  var code = BrokerError.Code.unavailable
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
  /// Nothing is stored: the publish throws an error with this code, such as ``Warren/BrokerError/Code/unavailable`` from a
  /// broker that is away.
  public static func publishFails(
    _ code: BrokerError.Code = .unavailable, of name: MessageName? = nil, times: Int = 1
  ) -> Fault {
    var fault = Fault(kind: .publishFails, name: name, times: times)
    fault.code = code
    return fault
  }

  /// The broker is away when a worker subscribes to a queue.
  public static func awayAtSubscribing(times: Int = 1) -> Fault {
    Fault(kind: .awayAtSubscribing, name: nil, times: times)
  }

  func concerns(_ message: Message) -> Bool { name == nil || name == message.name }
}
