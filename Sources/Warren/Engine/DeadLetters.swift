public import Foundation

/// An engine whose dead letters can be read and sent back to work.
///
/// On RabbitMQ each call is one sweep through a dead-letter queue by an exclusive consumer, so a selection is a
/// condition, not a row number, and a page after the first costs a sweep again.
public protocol DeadLetterBroker: Broker {
  /// One page of dead letters, the oldest first. It ends before the selection's limit when the bodies on it have more than
  /// ``DeadLetterPage/bodyLimit`` bytes together.
  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage

  /// Visits the selected dead letters in one look, where the engine can, a few of them at a time and the oldest first, until
  /// `visit` returns `false`. By default it goes from page to page.
  ///
  /// - Returns: whether there are more than the selection's limit, or than `visit` wanted.
  func visitDeadLetters(
    _ selection: DeadLetterSelection, _ visit: @escaping @Sendable ([DeadLetter]) async -> Bool
  ) async throws(BrokerError) -> Bool

  /// Sends the selected dead letters back to the queues that gave up on them, never through an exchange, with their ids
  /// and a new set of attempts. Those whose queue is gone stay, and are counted.
  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport

  /// Publishes a changed copy of one dead letter to the queue that gave up on it and removes the dead letter, in one
  /// step. The copy is a new message: `edited` needs an id of its own, and gets the header `warren-edited-from`. A time to live of
  /// it that is over is left out, as in a replay: it is to be handled. `id` may be an address.
  ///
  /// - Throws: ``BrokerError/Code/notFound`` when there is no such dead letter; ``BrokerError/Code/unroutable`` when the queue that
  ///   gave up on it is gone, and the dead letter stays.
  func replace(
    _ id: MessageID, in queue: QueueName?, with edited: Message
  ) async throws(BrokerError)

  /// Deletes the selected dead letters for good. Returns how many went.
  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int
}

extension DeadLetterBroker {
  /// From page to page.
  public func visitDeadLetters(
    _ selection: DeadLetterSelection, _ visit: @escaping @Sendable ([DeadLetter]) async -> Bool
  ) async throws(BrokerError) -> Bool { try await visitPages(selection, visit) }

  package func visitPages(
    _ selection: DeadLetterSelection, _ visit: @escaping @Sendable ([DeadLetter]) async -> Bool
  ) async throws(BrokerError) -> Bool {
    var left = max(0, selection.limit)
    var request = selection
    while true {
      // One more than is wanted tells whether there are more.
      request.limit = min(selection.includesBodies ? 32 : 500, left == .max ? left : left + 1)
      let page = try await deadLetters(request)
      let wanted = Array(page.letters.prefix(left))
      left -= wanted.count
      if !wanted.isEmpty, await !visit(wanted) { return true }
      if wanted.count < page.letters.count { return true }
      guard let next = page.next, next != request.after else { return false }
      request.after = next
    }
  }
}

/// Which dead letters. Every condition that is given must hold; of several ids any one. Whatever ``includesBodies`` says, a
/// ``filter`` that needs the bodies looks at them.
public struct DeadLetterSelection: Sendable, Hashable, Codable {
  /// Only those that lie in this queue.
  public var queue: QueueName?
  /// Only those that this queue gave up on.
  public var origin: QueueName?
  /// Only these messages, by their ids or by their ``DeadLetter/address``; empty: all.
  public var ids: [MessageID]
  /// Only those that this finds.
  public var filter: MessageFilter
  /// Only those with this cause: see ``DeadLetter/fingerprint``.
  public var fingerprint: String?
  /// Only those that were parked at this time or before, to the millisecond: what is parked while many are replayed is left alone.
  public var until: Date?
  /// At most so many; `Int.max` for all.
  public var limit: Int
  /// Whether the bodies are read, too. Without them a message's body is empty, which counting and grouping do not mind.
  public var includesBodies = true
  /// Only those after the page that ended here.
  public var after: DeadLetterPage.Cursor?

  /// A selection; by default all, up to the limit.
  ///
  /// - Parameters:
  ///   - name: only those of this name, as one more condition of the filter.
  ///   - reason: only those parked for this kind of reason, as one more condition of the filter.
  public init(
    queue: QueueName? = nil, origin: QueueName? = nil, ids: [MessageID] = [], name: MessageName? = nil,
    reason: DeadLetterReason.Kind? = nil, filter: MessageFilter = MessageFilter(), fingerprint: String? = nil,
    until: Date? = nil,
    limit: Int = 100, after: DeadLetterPage.Cursor? = nil
  ) {
    self.queue = queue
    self.origin = origin
    self.ids = ids
    self.filter = filter
    if let name { self.filter.conditions.append(.init(.name, .equals([name.rawValue]))) }
    if let reason { self.filter.conditions.append(.init(.reason, .equals([reason.rawValue]))) }
    self.fingerprint = fingerprint
    self.until = until
    self.limit = limit
    self.after = after
  }
}

/// Some dead letters, and where to go on.
public struct DeadLetterPage: Sendable, Equatable {
  /// The place after the last of a page; its meaning is the engine's own.
  public struct Cursor: Sendable, Hashable, Codable {
    /// The engine's own number.
    public var position: Int64
    /// A cursor.
    public init(position: Int64) { self.position = position }
  }
  /// How many bytes the bodies on a page may have together; one letter is on it in any case.
  public static let bodyLimit = 8 << 20
  /// The dead letters, the oldest first.
  public var letters: [DeadLetter]
  /// Where the next page begins; `nil` when this is the last.
  public var next: Cursor?
  /// A page.
  public init(letters: [DeadLetter], next: Cursor?) {
    self.letters = letters
    self.next = next
  }
}

/// What a replay did.
public struct ReplayReport: Sendable, Hashable, Codable {
  /// How many went back to work.
  public var replayed: Int
  /// How many stayed, because the queue that gave up on them is gone.
  public var stayed: Int
  /// Where the next replay of the same selection begins, behind those that stayed; `nil` when none did.
  public var next: DeadLetterPage.Cursor?
  /// A report.
  public init(replayed: Int, stayed: Int, next: DeadLetterPage.Cursor? = nil) {
    self.replayed = replayed
    self.stayed = stayed
    self.next = next
  }
}
