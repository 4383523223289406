public import Foundation
public import Warren

/// What a person has said of a group of failures, so that it needs no second look until it comes back.
public struct FailureMark: Sendable, Equatable, Codable {
  /// What was said.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// The cause is gone. A dead letter that is parked later shows that it is not.
    case resolved
    /// It is known, and nothing is to be done, however many come.
    case ignored
  }
  /// What was said.
  public var kind: Kind
  /// When.
  public var time: Date
  /// Who said so.
  public var actor: String
}

extension DeadLetterGroup {
  /// Whether a person has to look at the group.
  public enum State: String, Sendable, Codable, CaseIterable {
    /// Nothing was said of it yet.
    case new
    /// Its cause was said to be gone, and it has come back since.
    case returned
    /// Its cause is said to be gone.
    case resolved
    /// It is known, and left alone.
    case ignored

    /// Whether nothing is to be done.
    public var isSettled: Bool { self == .resolved || self == .ignored }
  }

  /// The state of a group whose last dead letter was parked at `last`.
  static func state(_ mark: FailureMark?, last: Date) -> State {
    switch mark?.kind {
    case nil: .new
    case .ignored: .ignored
    case .resolved: (mark?.time ?? .distantPast) < last ? .returned : .resolved
    }
  }
}

extension StoreKind {
  /// What people have said of groups of failures.
  static let failure: StoreKind = "failure"
}

extension Operations {
  /// Whether there is a store in which it is kept what people say of groups of failures.
  public var keepsFailureMarks: Bool { store != nil }

  /// For how long a mark is kept after it was made: a year.
  public static let failureMarkLifetime: Duration = .seconds(365 * 86_400)

  /// Says of a group of failures that its cause is gone, or that it is known; `nil` takes back what was said.
  ///
  /// - Returns: the group as it is then.
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when no dead letter has this cause; ``Warren/BrokerError/Code/unsupported``
  ///   when no store was given and the engine is none.
  @discardableResult
  public func mark(_ fingerprint: String, as kind: FailureMark.Kind?) async throws(BrokerError) -> DeadLetterGroup {
    guard let store else { throw BrokerError(noStoreFor: "marks of failures", broker.capabilities.engine) }
    let key = StoreKey(.failure, fingerprint)
    return try await audited("failure.\(kind?.rawValue ?? "open")", filter: "group:\(fingerprint)") {
      () throws(BrokerError) in
      guard var group = try await groups(DeadLetterSelection(fingerprint: fingerprint, limit: .max)).groups.first else {
        throw BrokerError(.notFound, "no dead letter is of the group '\(fingerprint)'")
      }
      let mark = kind.map { FailureMark(kind: $0, time: max(clock.now, group.last), actor: actor) }
      let value = StoredValue<FailureMark>(key, "what was said of the failures '\(fingerprint)'")
      try await store.change(value, until: { _ in clock.now.adding(Self.failureMarkLifetime) }) { $0 = mark }
      group.mark = mark
      group.state = DeadLetterGroup.state(mark, last: group.last)
      return group
    }
  }

  /// The groups with what was said of them. What nothing is to be done about comes last.
  func marked(_ groups: [DeadLetterGroup]) async throws(BrokerError) -> [DeadLetterGroup] {
    guard let store, !groups.isEmpty else { return groups }
    var marks: [String: FailureMark] = [:]
    for record in try await store.records(of: .failure) {
      // One of a version that is not known here says nothing.
      marks[record.key.name] = try? JSONDecoder().decode(FailureMark.self, from: record.value)
    }
    let marked = groups.map { group in
      var group = group
      group.mark = marks[group.fingerprint]
      group.state = DeadLetterGroup.state(group.mark, last: group.last)
      return group
    }
    return marked.filter { $0.state?.isSettled != true } + marked.filter { $0.state?.isSettled == true }
  }
}
