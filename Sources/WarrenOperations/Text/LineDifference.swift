/// What was changed in a text, line by line.
public struct LineDifference: Sendable, Equatable {
  /// A line of one of the texts, or of both.
  public enum Line: Sendable, Equatable {
    /// In both.
    case same(String)
    /// Only in the old one.
    case removed(String)
    /// Only in the new one.
    case added(String)
  }
  /// The lines in order; what was removed stands before what was added in its place.
  public var lines: [Line]

  /// The difference. Texts of very many lines are not compared: all of the old one is removed, all of the new one added.
  public init(from old: String, to new: String) {
    let old = old.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let new = new.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard old.count + new.count <= Self.limit else {
      lines = old.map { .removed($0) } + new.map { .added($0) }
      return
    }
    let difference = new.difference(from: old)
    let removed = Set(difference.removals.map(Self.offset))
    let added = Set(difference.insertions.map(Self.offset))
    lines = []
    var (a, b) = (0, 0)
    while a < old.count || b < new.count {
      if a < old.count, removed.contains(a) {
        lines.append(.removed(old[a]))
        a += 1
      } else if b < new.count, added.contains(b) {
        lines.append(.added(new[b]))
        b += 1
      } else {
        lines.append(.same(new[b]))
        a += 1
        b += 1
      }
    }
  }

  /// How many lines both texts may have together.
  static let limit = 4_000

  private static func offset(_ change: CollectionDifference<String>.Change) -> Int {
    switch change {
    case .insert(let offset, _, _), .remove(let offset, _, _): offset
    }
  }

  /// Whether the texts are equal.
  public var isEmpty: Bool { !lines.contains { if case .same = $0 { false } else { true } } }
}
