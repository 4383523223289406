extension Dashboard {
  /// What a person may do in the dashboard. Each role may do what the one before it may.
  public enum Role: String, Sendable, Codable, CaseIterable, Comparable {
    /// Sees queues, counts, errors and topology, and neither bodies nor headers of messages.
    case observer
    /// Sees messages, too, their secrets hidden.
    case viewer
    /// Pauses and resumes queues, replays dead letters, edits them, ends handlers, and uncovers secrets.
    case `operator`
    /// Deletes dead letters and empties queues as well.
    case admin

    /// By what they may do.
    public static func < (a: Role, b: Role) -> Bool { a.rank < b.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }
}
