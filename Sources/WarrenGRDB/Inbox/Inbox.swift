internal import Foundation
public import GRDB
public import ServiceLifecycle
public import Warren

/// Runs the effects of a handler once for each message, however often the message is delivered.
///
/// ```swift
/// On(BookingCreated.self) { event, context in
///   let number = try await inbox.once(context, "number") { db in try Ticket.assignNumber(event.bookingID, db) }
///   try await inbox.once(context, "index") { db in try Search.index(event.bookingID, number, db) }
/// }
/// ```
/// The effect and the note that it ran are one transaction of the application's database: neither is without the other,
/// wherever a worker dies. When the message is delivered again, a step that is done is not run but returns its value once
/// more, so a handler of several steps goes on after the last one that was finished.
///
/// - A step is known by the queue, the id of the message and its name. A corrected copy of a dead letter is another message.
/// - Steps run one after the other, in the same order each time. A name that is used twice, and an order that has changed
///   between two tries, park the message: what would be right cannot be guessed.
/// - An effect outside the database, such as a mail, can be repeated when a worker dies beside it: make it the last thing of
///   a step, and use the message's id as its own.
public struct Inbox: Service {
  /// The application's database.
  public let database: any DatabaseWriter
  private let writer: GroupedWriter
  private let clock: any BrokerClock
  private let keeps: Duration

  /// An inbox in the application's database; the tables come with `registerWarrenTables()`.
  ///
  /// - Parameter keeps: for how long it is remembered that a step is done: longer than a dead letter may lie before it is
  ///   replayed. 90 days by default. What is older is forgotten while ``run()`` runs.
  public init(
    _ database: any DatabaseWriter, keeps: Duration = .seconds(90 * 86_400), clock: any BrokerClock = SystemClock()
  ) {
    self.database = database
    self.keeps = keeps
    self.clock = clock
    writer = GroupedWriter(database)
  }

  /// Runs the effect, unless it ran for this message before: then it returns what it returned then.
  ///
  /// Handlers that run at the same time share a commit (``GroupedWriter``).
  ///
  /// - Parameters:
  ///   - context: the handler's.
  ///   - step: the name of the step; each name once in a handler.
  ///   - effect: what it does, in the transaction that notes that it was done. What it throws undoes it, and is thrown.
  @discardableResult
  public func once<Value: Codable & Sendable>(
    _ context: HandlerContext, _ step: String, _ effect: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    try await run(context, step) { db in
      let value = try effect(db)
      return (value, String(decoding: try JSONEncoder().encode([value]), as: UTF8.self))
    } read: { text in
      guard let text, let value = try? JSONDecoder().decode([Value].self, from: Data(text.utf8)).first else {
        throw InboxError("the value of the step '\(step)' is no \(Value.self) any more: the handler has changed")
      }
      return value
    }
  }

  /// Runs the effect, unless it ran for this message before.
  public func once(
    _ context: HandlerContext, _ step: String, _ effect: @escaping @Sendable (Database) throws -> Void
  ) async throws {
    try await run(context, step) { db in
      (try effect(db), nil)
    } read: { _ in
    }
  }

  private func run<Value: Sendable>(
    _ context: HandlerContext, _ step: String,
    _ effect: @escaping @Sendable (Database) throws -> (Value, String?),
    read: @escaping @Sendable (String?) throws -> Value
  ) async throws -> Value {
    guard let id = context.message.id else {
      throw InboxError("the message has no id, and an inbox knows a message by it: let its codec name one")
    }
    guard let position = context.steps.begin(step) else {
      throw InboxError("the step '\(step)' is used twice in one handler: give each step a name of its own")
    }
    let queue = context.queue.rawValue
    let now = clock.now.wholeMilliseconds
    do {
      return try await writer.write { db in
        let known = try Row.fetchAll(
          db.cachedStatement(sql: "SELECT step, position, value FROM warren_inbox WHERE queue = ? AND message = ?"),
          arguments: [queue, id.rawValue])
        if let row = known.first(where: { $0["step"] == step }) {
          if row["position"] != position { throw InboxError(changed: step, position, was: row["position"]) }
          return try read(row["value"])
        }
        if let later = known.first(where: { $0["position"] >= position }) {
          throw InboxError(changed: step, position, beside: later["step"])
        }
        let (value, text) = try effect(db)
        try db.cachedStatement(
          sql: "INSERT INTO warren_inbox (queue, message, step, position, value, at) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [queue, id.rawValue, step, position, text, now])
        return value
      }
    } catch {
      context.steps.undo(step, position)
      if let error = error as? DatabaseError, error.message?.contains("no such table: \(Tables.inbox)") == true {
        try await database.read { try Tables.check(Tables.inbox, $0) }
      }
      throw error
    }
  }

  // MARK: Forgetting

  /// Forgets what is older than the inbox keeps, every hour, until it is stopped. A service; without it nothing is forgotten.
  public func run() async throws {
    try? await cancelWhenGracefulShutdown {
      while true {
        while try await forget(limit: 1000) == 1000 {}
        try await clock.sleep(for: .seconds(3600))
      }
    }
  }

  /// Forgets at most so many notes that are older than the inbox keeps. Returns how many.
  func forget(limit: Int) async throws -> Int {
    let before = clock.now.addingTimeInterval(-keeps.seconds).wholeMilliseconds
    return try await database.write { db in
      try db.execute(
        sql: """
          DELETE FROM warren_inbox WHERE (queue, message, step) IN
            (SELECT queue, message, step FROM warren_inbox WHERE at < ? LIMIT ?)
          """, arguments: [before, limit])
      return db.changesCount
    }
  }
}

/// Why a message cannot be handled with an inbox. It is parked.
public struct InboxError: OutcomeError, CustomStringConvertible {
  /// What is wrong and what to do.
  public let description: String
  /// The message is parked: trying again changes nothing.
  public var outcome: Outcome { .deadLetter(description) }

  init(_ text: String) { description = text }

  init(changed step: String, _ position: Int, was: Int? = nil, beside other: String? = nil) {
    description =
      "the steps of the handler have changed since this message was begun: '\(step)' is step \(position) now, "
      + (was.map { "and was step \($0)" } ?? "and '\(other ?? "")' was done there or after it")
      + ". Let a handler with the old steps finish it, or publish it again as a new message"
  }
}

extension Inbox: CustomStringConvertible, CustomReflectable {
  /// `inbox that keeps for 7776000.0 seconds`.
  public var description: String { "inbox that keeps for \(keeps)" }
  /// For how long it keeps.
  public var customMirror: Mirror { Mirror(self, children: ["keeps": keeps]) }
}
