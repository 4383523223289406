internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadMarkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mark", abstract: "Says of a group of failures that it is resolved, ignored, or open again.",
    discussion: """
      A resolved group that gets another dead letter is shown as returned. Marks change no message. They are kept in the \
      broker's file; with RabbitMQ name the application's database with --store sqlite:PATH or $WARREN_STORE.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var store: StoreOption
  @Argument(help: ArgumentHelp("The group, as `warren dead groups` shows it.", valueName: "group")) var group: String
  @Argument(help: "resolved, ignored or open.") var mark: MarkArgument

  func run() async throws {
    let marked = try await CommandError.naming("warren dead groups") {
      try await options.withOperations(store: try store.open()) { operations in
        guard let remote = operations.broker as? RemoteBroker else {
          return try await operations.mark(group, as: mark.kind)
        }
        try await remote.mark(group, as: mark.rawValue)
        let groups = try await remote.groups(DeadLetterSelection(fingerprint: group, limit: .max)).groups
        if let marked = groups.first { return marked }
        throw BrokerError(.notFound, "no dead letter is of the group '\(group)'")
      }
    }
    try Printer(options).list([marked], Tables.groups, none: "no such group")
  }
}

/// A mark as an argument.
enum MarkArgument: String, ExpressibleByArgument, CaseIterable {
  case resolved, ignored, open

  var kind: FailureMark.Kind? { FailureMark.Kind(rawValue: rawValue) }
}
