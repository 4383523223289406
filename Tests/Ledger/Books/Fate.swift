internal import Warren

/// What a message of the ledger is to go through; read off its number, so that every process knows it.
struct Fate {
  /// How many attempts fail.
  let failures: Int

  init(_ id: MessageID?) {
    let number = id.flatMap { Int($0.rawValue.split(separator: "-").last ?? "") } ?? 1
    failures = number % 100 == 0 ? .max : number % 10 == 0 ? 1 : 0
  }
  /// Whether it ends as a dead letter.
  var isParked: Bool { failures == .max }
}
