internal import ArgumentParser

/// Asks once before something that cannot be taken back, or that is done to many.
struct Confirmation: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Do it without asking.") var yes = false

  /// Returns when it may be done; throws when it may not, or when nobody can be asked.
  func obtain(_ question: String, _ options: GlobalOptions) throws {
    if yes { return }
    guard Terminal(options).canAsk else {
      throw CommandError(
        .usage, "this asks first, and nobody is there to answer: \(question)", next: "do it with --yes")
    }
    if !StandardError.ask(question) { throw CommandError(.failure, "nothing was done") }
  }
}
