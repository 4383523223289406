internal import ArgumentParser

/// Asks once before something that cannot be undone, or that is done to many.
struct Confirmation: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Do it without asking.") var yes = false

  /// Returns when it may be done; throws when it may not, or when there is no terminal to ask on.
  func obtain(_ question: String, _ options: GlobalOptions) throws {
    if yes { return }
    guard Terminal(options).canAsk else {
      throw CommandError(
        .usage, "this asks first, and there is no terminal to answer on: \(question)", next: "do it with --yes")
    }
    if !StandardError.ask(question) { throw CommandError(.failure, "nothing was done") }
  }
}
