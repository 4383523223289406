/// One way in which what is declared differs from what is asked for.
public struct TopologyDifference: Sendable, Equatable, CustomStringConvertible {
  /// What differs, such as `queue 'email_queue': time to live`.
  public var subject: String
  /// What is there.
  public var declared: String
  /// What is asked for.
  public var wanted: String

  /// A difference.
  public init(_ subject: String, declared: String, wanted: String) {
    self.subject = subject
    self.declared = declared
    self.wanted = wanted
  }
  /// `queue 'email_queue': time to live is 60.0 seconds, asked for none`.
  public var description: String { "\(subject) is \(declared), asked for \(wanted)" }
}

extension Exchange {
  /// How this, which is declared, differs from what is asked for; nothing when it will do.
  public func differences(from wanted: Exchange) -> [TopologyDifference] {
    if kind == wanted.kind { return [] }
    return [.init("exchange '\(name)': kind", declared: kind.rawValue, wanted: wanted.kind.rawValue)]
  }
}

extension Queue {
  /// How this, which is declared, differs from what is asked for; nothing when it will do.
  public func differences(from wanted: Queue) -> [TopologyDifference] {
    if wanted.isAdopted { return [] }
    var found: [TopologyDifference] = []
    if deadLetter != wanted.deadLetter {
      func text(_ target: DeadLetterTarget?) -> String {
        guard let target else { return "none (it holds dead letters)" }
        guard let exchange = target.exchange else { return "the queue '\(target.queue)'" }
        return "the queue '\(target.queue)' through the exchange '\(exchange.name)' by '\(target.key)'"
      }
      found.append(
        .init("queue '\(name)': dead-letter target", declared: text(deadLetter), wanted: text(wanted.deadLetter)))
    }
    if timeToLive != wanted.timeToLive {
      func text(_ time: Duration?) -> String { time.map { "\($0)" } ?? "none" }
      found.append(.init("queue '\(name)': time to live", declared: text(timeToLive), wanted: text(wanted.timeToLive)))
    }
    return found
  }
}
