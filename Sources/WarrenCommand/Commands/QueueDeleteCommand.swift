internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct QueueDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes a queue with its bindings. Asks first.",
    discussion: """
      A queue with consumers, or one that holds the dead letters of another queue, is never deleted. One that holds messages, or \
      whose dead letters lie elsewhere, is deleted with them by --force, after their number was shown.

      A queue cannot be renamed. Start its worker with the new name, which declares and binds the new queue; then remove the \
      bindings of the old one with `warren topology prune FILE`, let a worker with the old name finish what is in it, and delete \
      it. An event that is published while both queues are bound comes into both.

      With RabbitMQ name the application's database with --store sqlite:PATH or $WARREN_STORE, so that the keys of unique jobs are \
      free again.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var store: StoreOption
  @OptionGroup var confirmation: Confirmation
  @Argument(help: "The queue.") var queue: QueueName
  @Flag(help: "Also when it holds messages or has dead letters: they go with it, for good.") var force = false
  @Flag(help: "Say what would be deleted, and do nothing.") var dryRun = false

  func run() async throws {
    let deleted = try await options.withOperations(store: try store.open()) { operations in
      let removal = try await operations.removal(of: queue)
      try refuse(removal)
      if dryRun {
        return Deleted(queue: queue, deleted: removal.messages + (removal.deadLetters ?? 0), isDryRun: true)
      }
      try confirmation.obtain("Delete \(Self.text(removal)) for good?", options)
      return Deleted(
        queue: queue, deleted: try await operations.deleteQueue(queue, withMessages: force), isDryRun: false)
    }
    try Printer(options).thing(deleted) {
      let name = Text.printable(queue.rawValue)
      let count = deleted.deleted == 0 ? "" : ", with \(Count.of(deleted.deleted, "message"))"
      return deleted.isDryRun ? "\(name) would be deleted\(count)\n" : "deleted \(name)\(count)\n"
    }
  }

  private func refuse(_ removal: QueueRemoval) throws {
    let name = Text.printable(queue.rawValue)
    if removal.consumers > 0 {
      throw CommandError(
        .failure, "'\(name)' has \(Count.of(removal.consumers, "consumer")), so it was not deleted",
        next: "stop the workers that consume it; `warren worker ls` shows them")
    }
    if let feeder = removal.feeders.first {
      throw CommandError(
        .failure, "'\(name)' is for the dead letters of '\(Text.printable(feeder.rawValue))', so it was not deleted",
        next: "delete that queue first")
    }
    if removal.isEmpty || force { return }
    throw CommandError(
      .failure, "not deleted: \(Self.text(removal))",
      next:
        "let a worker finish the messages, replay or delete the dead letters (`warren dead ls --origin \(name)`), or delete all of it "
        + "with --force")
  }

  /// The queue with what goes along.
  private static func text(_ removal: QueueRemoval) -> String {
    var parts: [String] = []
    if removal.messages > 0 { parts.append(Count.of(removal.messages, "message")) }
    switch removal.deadLetters {
    case 0?: break
    case let count?: parts.append("\(Count.of(count, "dead letter")) that it gave up on")
    case nil: parts.append("an unknown number of dead letters that it gave up on")
    }
    let name = "the queue '\(Text.printable(removal.queue.rawValue))'"
    let note = removal.isCountComplete ? "" : " (delayed messages cannot be counted and stay)"
    return parts.isEmpty ? "\(name), which is empty\(note)," : "\(name) with \(parts.joined(separator: " and "))\(note)"
  }

  private struct Deleted: Codable, Sendable {
    var queue: QueueName
    var deleted: Int
    var isDryRun: Bool

    private enum CodingKeys: String, CodingKey {
      case queue, deleted
      case isDryRun = "dryRun"
    }
  }
}
