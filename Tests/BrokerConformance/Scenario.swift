/// Something that must hold on every engine.
public struct Scenario: Sendable, CustomStringConvertible {
  /// What a scenario needs that not every engine or set-up has.
  public enum Need: Sendable {
    /// Other processes can reach the engine.
    case otherProcesses
    /// The engine orders by priority.
    case priority
    /// The engine has locks by name.
    case locks
    /// There is a store, in the engine or beside it.
    case store
    /// The engine takes back what a consumer has not begun, at once when it stops or pauses.
    case takesBack
    /// The engine notes when a suspect is begun.
    case notedBeginnings
    /// The engine's time is virtual, so it can be turned back or by hours.
    case virtualTime
  }
  /// The law (1 to 7) and what it means here, as a sentence.
  public let name: String
  /// What it needs.
  public let needs: Set<Need>
  /// Throws what does not hold.
  public let run: @Sendable (Bench) async throws -> Void

  init(_ name: String, needs: Set<Need> = [], _ run: @escaping @Sendable (Bench) async throws -> Void) {
    self.name = name
    self.needs = needs
    self.run = run
  }

  /// The name.
  public var description: String { name }

  /// All of them.
  public static let all: [Scenario] =
    publishing + publishingAgain + consuming + retrying + parking + recovering + locking + operating + working
    + cancelling + waiting + storing + unique + scheduling + breaking + topologies + removing + reported
    + reportedOfWork

  /// Those for which an engine has what they need.
  public static func all(with means: Set<Need>) -> [Scenario] { all.filter { $0.needs.isSubset(of: means) } }
}
