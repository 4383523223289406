public import Warren

/// How a broker is, in a word: that of its worst finding.
public enum Health: String, Sendable, Codable, Comparable, CaseIterable {
  /// As it should be.
  case fine
  /// Works, but will hurt.
  case warning
  /// Something does not work.
  case problem

  /// The better is the lesser.
  public static func < (a: Health, b: Health) -> Bool { a.rank < b.rank }
  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// The health that a finding stands for.
  public init(_ severity: Finding.Severity) {
    self =
      switch severity {
      case .fine: .fine
      case .warning: .warning
      case .problem: .problem
      }
  }
}

/// Something that an operator should know or fix, as it is shown.
public struct FindingView: Sendable, Equatable, Codable {
  /// How bad it is.
  public var severity: Health
  /// The queue that it is about.
  public var queue: QueueName?
  /// What was found.
  public var text: String
  /// What to do about it.
  public var fix: Fix?

  /// A finding.
  public init(_ severity: Health, queue: QueueName? = nil, _ text: String, fix: Fix? = nil) {
    self.severity = severity
    self.queue = queue
    self.text = text
    self.fix = fix
  }
  /// What the engine found.
  public init(_ finding: Finding) {
    self.init(Health(finding.severity), queue: finding.queue, finding.text, fix: finding.fix)
  }
}

func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
