internal import Foundation
internal import Warren

/// Every id, and what became of it: the result of a test that kills.
struct Ledger {
  let expected: Set<String>
  let confirmed: Set<String>
  let handled: [String]
  let parked: [DeadLetter]
  let left: Int
  /// The processes that ended although they were not killed.
  let endedByThemselves: [String]

  /// Confirmed, and neither handled nor parked: lost. There must be none.
  var lost: Set<String> { confirmed.subtracting(handled).subtracting(parkedIDs) }
  /// Parked although it should have been handled.
  var wronglyParked: [DeadLetter] { parked.filter { !Fate($0.message.id).isParked } }
  /// Handled although it always fails, or never published.
  var strange: Set<String> { Set(handled).subtracting(expected.filter { !Fate(MessageID($0)).isParked }) }
  /// Should be parked and is not.
  var missing: Set<String> { expected.filter { Fate(MessageID($0)).isParked }.subtracting(parkedIDs) }
  /// How often something was handled, or parked, again.
  var repeats: Int { handled.count - Set(handled).count + parked.count - parkedIDs.count }

  private var parkedIDs: Set<String> { Set(parked.compactMap { $0.message.id?.rawValue }) }

  /// Each line of the result: what, the figure, and whether that is as it must be.
  var lines: [(text: String, isRight: Bool)] {
    [
      ("published and confirmed: \(confirmed.count) of \(expected.count)", confirmed == expected),
      ("handled: \(Set(handled).count) \(examples(strange.sorted()))", strange.isEmpty),
      (
        "parked, as they had to be: \(parkedIDs.filter { Fate(MessageID($0)).isParked }.count) \(examples(missing.sorted()))",
        missing.isEmpty
      ),
      (
        "parked wrongly: \(wronglyParked.count) \(examples(wronglyParked.map { "\($0.message.id?.rawValue ?? "?"): \($0.reason)" }))",
        wronglyParked.isEmpty
      ),
      ("lost: \(lost.count) \(examples(lost.sorted()))", lost.isEmpty),
      ("left in the queue: \(left)", left == 0),
      (
        "processes that ended by themselves: \(endedByThemselves.count) \(examples(endedByThemselves))",
        endedByThemselves.isEmpty
      ),
      ("more than once: \(repeats)", true),
    ]
  }

  private func examples(_ list: [String]) -> String {
    list.isEmpty ? "" : "(\(list.prefix(5).joined(separator: ", "))\(list.count > 5 ? ", …" : ""))"
  }
}
