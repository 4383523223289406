public import Warren

extension Dashboard {
  /// A person who was let in, and what this person may do.
  public struct Visitor: Sendable {
    /// What the audit calls this person.
    public var name: String
    /// What this person may do.
    public var role: Role
    private let rule: (@Sendable (Action, QueueName?) -> Bool)?

    /// A visitor.
    ///
    /// - Parameter rule: an own rule beside the role's, such as one for the queues of a team: both must allow an action. The
    ///   queue is `nil` for what concerns no queue in particular. What acts on messages of queues that are not named is allowed
    ///   only when the rule allows it in each queue that there is, so a rule for a team can say `queue == nil || ours.contains(queue)`.
    public init(name: String, role: Role, rule: (@Sendable (Action, QueueName?) -> Bool)? = nil) {
      self.name = name
      self.role = role
      self.rule = rule
    }

    /// Whether there may be queues in which this person may do less than the role lets.
    var isLimited: Bool { rule != nil }

    /// Whether this person may do this.
    public func may(_ action: Action, _ queue: QueueName? = nil) -> Bool {
      role >= action.least && rule?(action, queue) != false
    }
  }
}
