/// Where events are published: it hands each to the queues bound to it.
public struct Exchange: Sendable, Hashable, ExpressibleByStringLiteral {
  /// How an exchange chooses among its bindings, as in AMQP 0-9-1.
  public enum Kind: RawRepresentable, Sendable, Hashable, Codable {
    /// By pattern: `*` is one word, `#` any number.
    case topic
    /// To every queue, whatever the routing key.
    case fanout
    /// To the queues bound with exactly the routing key.
    case direct
    /// In another way that the broker has, such as `headers` or `x-consistent-hash`: such an exchange can only be adopted.
    case other(String)

    /// A kind by the broker's word for it.
    public init?(rawValue: String) {
      switch rawValue {
      case "topic": self = .topic
      case "fanout": self = .fanout
      case "direct": self = .direct
      case "": return nil
      default: self = .other(rawValue)
      }
    }

    /// The broker's word for it.
    public var rawValue: String {
      switch self {
      case .topic: "topic"
      case .fanout: "fanout"
      case .direct: "direct"
      case .other(let word): word
      }
    }
  }
  /// What it is called.
  public var name: ExchangeName
  /// How it chooses.
  public var kind: Kind
  /// Whether it belongs to another system: then it must be there already and is never declared, only checked.
  public var isAdopted: Bool

  /// An exchange.
  public init(_ name: ExchangeName, _ kind: Kind, isAdopted: Bool = false) {
    self.name = name
    self.kind = kind
    self.isAdopted = isAdopted
  }
  /// A topic exchange.
  public init(stringLiteral value: String) { self.init(ExchangeName(value), .topic) }

  /// An exchange that routes by pattern.
  public static func topic(_ name: ExchangeName) -> Exchange { Exchange(name, .topic) }
  /// An exchange that hands everything to every queue.
  public static func fanout(_ name: ExchangeName) -> Exchange { Exchange(name, .fanout) }
  /// An exchange that routes by the exact key.
  public static func direct(_ name: ExchangeName) -> Exchange { Exchange(name, .direct) }
  /// The same exchange, which belongs to another system and is only checked.
  public func adopted() -> Exchange { Exchange(name, kind, isAdopted: true) }
}
