public import Warren

/// How far a search went.
public struct SearchReport: Sendable, Equatable, Codable {
  /// How many were found.
  public var found: Int
  /// How many bodies were looked into; `nil` when none had to be.
  public var looked: Int?
  /// How many dead letters there are where it looked, when not all bodies were looked into and the engine can tell.
  public var total: Int?
  /// Whether there may be more than were found.
  public var hasMore: Bool

  /// Whether it stopped because it had looked into as many bodies as it may.
  public var isBounded: Bool

  /// A report; by default of a search that found nothing in all there is.
  public init(found: Int = 0, looked: Int? = nil, total: Int? = nil, hasMore: Bool = false, isBounded: Bool = false) {
    self.found = found
    self.looked = looked
    self.total = total
    self.hasMore = hasMore
    self.isBounded = isBounded
  }
}

extension Operations {
  /// How many bodies a search looks into.
  public static let searchLimit = 100_000

  /// A filter as people write it, whose ages count from now; see ``Warren/MessageFilter/init(parsing:now:)``.
  ///
  /// - Throws: ``Warren/BrokerError/Code/invalid`` that says where it is wrong.
  public func filter(_ text: String) throws(BrokerError) -> MessageFilter {
    do { return try MessageFilter(parsing: text, now: clock.now) } catch {
      throw BrokerError(.invalid, "the filter '\(text)' is wrong at \(error)")
    }
  }

  /// Visits the dead letters that a selection finds, the oldest first, up to its limit. Where bodies have to be looked into, it
  /// looks into at most `mostLooked`, and the report says so.
  ///
  /// - Throws: ``Warren/BrokerError``, and what `visit` throws.
  public func search(
    _ selection: DeadLetterSelection, mostLooked: Int = searchLimit, _ visit: (DeadLetterView) throws -> Void
  ) async throws -> SearchReport {
    var report = SearchReport()
    guard selection.filter.needsBodies else {
      report.hasMore = try await visitDeadLetters(selection) { letter in
        report.found += 1
        try visit(letter)
      }
      return report
    }
    // The engine finds what it can without the bodies, and gives them for the rest.
    var wide = selection
    wide.filter.conditions.removeAll(where: \.needsBody)
    wide.includesBodies = true
    wide.limit = mostLooked
    var looked = 0
    var failure: (any Error)?
    let hasMore = try await walk(wide) { letter in
      looked += 1
      guard selection.filter.matches(letter) else { return true }
      if report.found == selection.limit {
        report.hasMore = true
        return false
      }
      report.found += 1
      do {
        try visit(DeadLetterView(letter, mask: mask, includesBody: selection.includesBodies))
      } catch { failure = error }
      return failure == nil
    }
    if let failure { throw failure }
    report.looked = looked
    if hasMore, !report.hasMore {
      report.hasMore = true
      report.isBounded = true
      report.total = await count(of: selection)
    }
    return report
  }

  /// How many dead letters lie where a selection looks; `nil` when the engine cannot tell.
  private func count(of selection: DeadLetterSelection) async -> Int? {
    guard let queues = try? await queues() else { return nil }
    return queues.filter { queue in selection.queue.map { $0 == queue.name } ?? queue.holdsDeadLetters }.reduce(0) {
      $0 + $1.ready
    }
  }
}
