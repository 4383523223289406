public import Foundation
public import Warren

/// Dead letters with the same cause.
public struct DeadLetterGroup: Sendable, Equatable, Codable {
  /// A short name for the cause, the same in every process: ``Warren/DeadLetterSelection/fingerprint`` selects by it.
  public var fingerprint: String
  /// How many.
  public var count: Int
  /// The queue that gave up on them.
  public var origin: QueueName
  /// What the messages are.
  public var name: MessageName?
  /// Why, in a word.
  public var reason: DeadLetterReason.Kind
  /// The type of the last error.
  public var error: String?
  /// What the newest of them says.
  public var message: String
  /// When the first of them was parked.
  public var first: Date
  /// When the last of them was parked.
  public var last: Date
  /// The newest of them.
  public var example: MessageID?
  /// Whether a person has to look at it; `nil` where no store keeps what people said.
  public var state: State?
  /// What a person has said of it.
  public var mark: FailureMark?
}

/// All groups of a selection.
public struct DeadLetterGroups: Sendable, Equatable, Codable {
  /// The groups, the largest first; those that are resolved or ignored come last.
  public var groups: [DeadLetterGroup]
  /// How many dead letters were read.
  public var read: Int
  /// Whether those were all. Beyond ``Operations/groupingLimit`` the rest is not read.
  public var isComplete: Bool
}

extension Operations {
  /// How many dead letters are read to group them.
  public static let groupingLimit = 100_000

  /// Groups dead letters by cause: the queue that gave up, the message's name, the kind of reason, the type of the last
  /// error, and what it says without the numbers, ids and quotations in it.
  ///
  /// At most ``groupingLimit`` of the oldest are read, or fewer by the selection's limit; bodies are not.
  public func groups(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterGroups {
    var selection = selection
    selection.includesBodies = false
    selection.limit = min(selection.limit, Self.groupingLimit)
    var groups: [String: DeadLetterGroup] = [:]
    var read = 0
    let hasMore = try await walk(selection) { letter in
      let group = DeadLetterGroup(letter, mask: mask)
      groups[group.fingerprint] = groups[group.fingerprint].map { $0.joined(by: group) } ?? group
      read += 1
      return true
    }
    let sorted = groups.values.sorted { ($1.count, $0.fingerprint) < ($0.count, $1.fingerprint) }
    return DeadLetterGroups(groups: try await marked(sorted), read: read, isComplete: !hasMore)
  }
}

extension DeadLetterGroup {
  /// The group of one.
  init(_ letter: DeadLetter, mask: Mask) {
    let failure = letter.history.failures.last
    let text = failure?.message ?? letter.reason.detail
    count = 1
    origin = letter.origin
    name = letter.message.name
    reason = letter.reason.kind
    error = failure?.error
    message = mask.text(text)
    first = letter.time
    last = letter.time
    example = letter.message.id
    fingerprint = letter.fingerprint
  }

  /// Both groups as one.
  func joined(by other: DeadLetterGroup) -> DeadLetterGroup {
    var joined = other.last >= last ? other : self
    joined.count = count + other.count
    joined.first = min(first, other.first)
    joined.last = max(last, other.last)
    return joined
  }
}
