internal import Foundation
internal import Warren

/// Every id, and what became of it: the verdict of a test that kills.
struct Ledger {
  let expected: Set<String>
  let confirmed: Set<String>
  let handled: [String]
  let parked: [DeadLetter]
  let left: Int

  /// Confirmed, and neither handled nor parked: lost. There must be none.
  var lost: Set<String> { confirmed.subtracting(handled).subtracting(parked.compactMap { $0.message.id?.rawValue }) }
  /// Parked although it should have been handled.
  var wronglyParked: [DeadLetter] { parked.filter { !Fate($0.message.id).isParked } }
  /// Handled although it always fails, or never published.
  var strange: Set<String> { Set(handled).subtracting(expected.filter { !Fate(MessageID($0)).isParked }) }
  /// Should be parked and is not.
  var missing: Set<String> {
    expected.filter { Fate(MessageID($0)).isParked }.subtracting(parked.compactMap { $0.message.id?.rawValue })
  }
  /// How often something was handled again.
  var repeats: Int { handled.count - Set(handled).count }

  /// Each line of the verdict: what, the figure, and whether that is as it must be.
  var lines: [(text: String, isRight: Bool)] {
    [
      ("published and confirmed: \(confirmed.count) of \(expected.count)", confirmed == expected),
      ("handled: \(Set(handled).count)", strange.isEmpty),
      ("parked, as they had to be: \(parked.count - wronglyParked.count)", missing.isEmpty),
      (
        "parked wrongly: \(wronglyParked.count) \(examples(wronglyParked.map { "\($0.message.id?.rawValue ?? "?"): \($0.reason)" }))",
        wronglyParked.isEmpty
      ),
      ("lost: \(lost.count) \(examples(lost.sorted()))", lost.isEmpty),
      ("left in the queue: \(left)", left == 0),
      ("handled more than once: \(repeats)", true),
    ]
  }

  private func examples(_ list: [String]) -> String {
    list.isEmpty ? "" : "(\(list.prefix(5).joined(separator: ", "))\(list.count > 5 ? ", …" : ""))"
  }
}
