/// One way in which what is declared differs from what is asked for.
public struct TopologyDifference: Sendable, Hashable, Codable, CustomStringConvertible {
  /// What differs, such as `queue 'email_queue': time to live`.
  public var subject: String
  /// What is there.
  public var declared: String
  /// What is asked for.
  public var wanted: String
  /// What to do about it; `nil` when the engine knows nothing better than to ask for what is there.
  public var fix: Fix?

  /// A difference.
  public init(_ subject: String, declared: String, wanted: String, fix: Fix? = nil) {
    self.subject = subject
    self.declared = declared
    self.wanted = wanted
    self.fix = fix
  }
  /// Whether nothing is there.
  public var isMissing: Bool { declared == Self.nothing }
  private static let nothing = "missing"

  /// Something that is not there, and that applying the topology declares.
  public static func missing(_ subject: String, wanted: String = "one") -> TopologyDifference {
    TopologyDifference(
      subject, declared: nothing, wanted: wanted, fix: .applyTopology)
  }
  /// Something that is not there and belongs to another system.
  public static func missingAdopted(_ subject: String) -> TopologyDifference {
    TopologyDifference(
      subject, declared: nothing, wanted: "one (adopted)",
      fix: "its owner declares it; or leave out `adopted`, and applying the topology does")
  }
  /// `queue 'email_queue': time to live is 1 min, asked for none`.
  public var description: String { "\(subject) is \(declared), asked for \(wanted)" }
}

extension BrokerError {
  /// The error for declaring what is there already and differs.
  public init(conflict differences: [TopologyDifference]) {
    self.init(
      .topologyConflict,
      "declared already, and differently: " + differences.map(\.description).joined(separator: "; ")
        + ". Ask for what is there, or take another name; Warren changes and deletes nothing by itself")
  }
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
      func text(_ time: Duration?) -> String { time.map(\.words) ?? "none" }
      found.append(.init("queue '\(name)': time to live", declared: text(timeToLive), wanted: text(wanted.timeToLive)))
    }
    return found
  }
}
