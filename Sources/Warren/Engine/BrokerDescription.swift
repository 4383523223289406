/// What an engine runs on, for a person who looks at it.
public struct BrokerDescription: Sendable, Equatable, Codable {
  /// Something that is known, and what it is called: `File` and `/var/lib/bookings/broker.db`.
  public struct Fact: Sendable, Equatable, Codable {
    /// What it is called.
    public var name: String
    /// What it is.
    public var value: String
    /// A fact.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }
  /// One of the machines that an engine runs on.
  public struct Node: Sendable, Equatable, Codable {
    /// Its name.
    public var name: String
    /// Whether it runs.
    public var isRunning: Bool
    /// What it is short of, or cut off from; completes "the node …".
    public var alarms: [String]
    /// What else is known of it.
    public var facts: [Fact]
    /// A node.
    public init(name: String, isRunning: Bool, alarms: [String] = [], facts: [Fact] = []) {
      self.name = name
      self.isRunning = isRunning
      self.alarms = alarms
      self.facts = facts
    }
  }
  /// The engine, with its version.
  public var engine: String
  /// What is known of it as a whole.
  public var facts: [Fact]
  /// Its nodes; `nil` when it has none, or cannot tell them.
  public var nodes: [Node]?

  /// A description.
  public init(engine: String, facts: [Fact] = [], nodes: [Node]? = nil) {
    self.engine = engine
    self.facts = facts
    self.nodes = nodes
  }
}
