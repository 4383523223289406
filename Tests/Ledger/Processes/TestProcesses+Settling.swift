internal import Foundation
internal import Warren

// For tests whose publishers take numbers until they are told to stop.
extension TestProcesses {
  /// The ids that the publishers have begun with: each takes its numbers in order, and all that it took must be confirmed.
  func begun(_ share: Int) throws -> Set<String> {
    var all: Set<String> = []
    for (index, entries) in try confirmed().enumerated() {
      let last = entries.compactMap { Int($0.id.dropFirst("m-".count)) }.max() ?? 0
      all.formUnion((index * share...max(index * share, last)).map { "m-\($0)" })
    }
    return all
  }

  /// Waits until every message has come to its end, or until nothing more can be hoped for.
  nonisolated func settle(_ engine: any InspectableBroker & DeadLetterBroker, share: Int) async throws {
    let limit = Date().addingTimeInterval(60)
    while Date() < limit {
      try await Task.sleep(for: .seconds(1))
      let isPublished = await isPublished
      let ledger = try await Ledger.balance(self, engine, expected: try await begun(share))
      if isPublished, ledger.left == 0, ledger.lost.isEmpty, ledger.missing.isEmpty { return }
    }
  }
}
