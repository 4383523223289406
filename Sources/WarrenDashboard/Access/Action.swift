extension Dashboard {
  /// What can be done in the dashboard.
  public struct Action: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The text, as the audit shows it.
    public let rawValue: String
    /// An action by its text.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The text.
    public var description: String { rawValue }

    /// Sees everything but messages.
    public static let see = Action(rawValue: "see")
    /// Sees bodies and headers, their secrets hidden.
    public static let seeMessages = Action(rawValue: "see-messages")
    /// Sees one message with its secrets.
    public static let reveal = Action(rawValue: "reveal")
    /// Pauses a queue.
    public static let pause = Action(rawValue: "pause")
    /// Resumes a queue.
    public static let resume = Action(rawValue: "resume")
    /// Sends dead letters back to work.
    public static let replay = Action(rawValue: "replay")
    /// Publishes a changed copy of a dead letter in its place.
    public static let edit = Action(rawValue: "edit")
    /// Says of a group of failures that it is resolved or ignored.
    public static let mark = Action(rawValue: "mark")
    /// Asks a worker to end a handler.
    public static let cancel = Action(rawValue: "cancel")
    /// Runs a schedule's job, or a message that is delayed, now.
    public static let run = Action(rawValue: "run")
    /// Enqueues a job that the person has written.
    public static let enqueue = Action(rawValue: "enqueue")
    /// Deletes dead letters, and puts deleted ones back; deletes a message that waits.
    public static let delete = Action(rawValue: "delete")
    /// Deletes what waits in a queue for good.
    public static let purge = Action(rawValue: "purge")

    /// The least role that may do it; what is not known is for admins.
    var least: Role {
      switch self {
      case .see: .observer
      case .seeMessages: .viewer
      case .reveal, .pause, .resume, .replay, .edit, .mark, .cancel, .run, .enqueue: .operator
      default: .admin
      }
    }
  }
}
