internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct DeadEditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Publishes a changed copy of a dead letter to the queue that gave up on it, and removes the dead letter.",
    discussion: """
      Opens $VISUAL or $EDITOR on the headers and the body, shows what was changed and asks. With --body or --header \
      nothing is opened and nothing is asked. The copy is a message of its own: it has a new id and the header \
      warren-edited-from. The editor shows the true message, passwords included.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var confirmation: Confirmation
  @Argument(help: "The message.") var id: MessageID
  @Option(help: ArgumentHelp("Where it lies, when several queues gave up on it.", valueName: "queue"))
  var queue: QueueName?
  @Option(help: ArgumentHelp("Take the body from a file, or from stdin.", valueName: "file|-"), completion: .file())
  var body: String?
  @Option(name: .customLong("header"), help: ArgumentHelp("Set a header; may be repeated.", valueName: "name=value"))
  var headers: [HeaderArgument] = []

  func run() async throws {
    let isGiven = body != nil || !headers.isEmpty
    if !isGiven, !Terminal(options).canAsk {
      throw CommandError(.usage, "an editor needs a terminal", next: "give the new body with --body FILE or --body -")
    }
    let newBody = try body.map(Input.read)
    let edited = try await options.withOperations { operations in
      var draft = try await draft(operations)
      if isGiven {
        if let newBody { draft.body = newBody }
        for header in headers { draft.headers[header.name] = header.value }
      } else {
        draft = try DraftText.edit(draft)
      }
      guard draft.isChanged else {
        throw CommandError(
          .failure, "nothing was changed, so nothing was published",
          next: "send it as it is with `warren dead replay \(id)`")
      }
      if !isGiven, !confirmation.yes {
        StandardError.print(DraftText.changes(draft))
        try confirmation.obtain("Publish this to '\(draft.original.origin)' instead of the dead letter?", options)
      }
      return Edited(id: try await operations.publish(draft), editedFrom: id, queue: draft.original.origin)
    }
    try Printer(options).thing(edited) { "\(edited.id)\n" }
  }

  private func draft(_ operations: Operations) async throws -> DeadLetterDraft {
    let error: BrokerError
    do throws(BrokerError) { return try await operations.draft(id, in: queue) } catch let failure { error = failure }
    guard error.code == .invalid, queue == nil, !error.message.contains("address") else { throw error }
    throw CommandError(.usage, error.message, next: "name it with --queue")
  }

  private struct Edited: Codable, Sendable {
    var id: MessageID
    var editedFrom: MessageID
    var queue: QueueName
  }
}
