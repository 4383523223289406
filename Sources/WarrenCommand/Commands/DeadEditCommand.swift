internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct DeadEditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit",
    abstract: "Publishes a changed copy of a dead letter to the queue that gave up on it, and removes the dead letter.",
    discussion: """
      Opens $VISUAL or $EDITOR on the headers and the content, shows what was changed and asks. The content is JSON, without \
      Warren's envelope around it. Passwords, codes and tokens are hidden in the editor and stay as they are; --unmask shows \
      them. With --data, --body or --header nothing is opened and nothing is asked. The copy is a message of its own: it has a \
      new id and the header warren-edited-from.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var confirmation: Confirmation
  @Argument(help: "The message.") var id: MessageID
  @Option(help: ArgumentHelp("Where it lies, when several queues gave up on it.", valueName: "queue"))
  var queue: QueueName?
  @Option(
    help: ArgumentHelp("The new content as JSON, or - to read it from stdin; the envelope stays.", valueName: "json|-"))
  var data: String?
  @Option(
    help: ArgumentHelp("Take the whole body, envelope included, from a file or from stdin.", valueName: "file|-"),
    completion: .file())
  var body: String?
  @Option(name: .customLong("header"), help: ArgumentHelp("Set a header; may be repeated.", valueName: "name=value"))
  var headers: [HeaderArgument] = []

  func validate() throws {
    if data != nil, body != nil { throw ValidationError("--data and --body: only one of both") }
    try HeaderArgument.refuseRepeated(headers)
  }

  func run() async throws {
    let isGiven = data != nil || body != nil || !headers.isEmpty
    if !isGiven, !Terminal(options).canAsk {
      throw CommandError(
        .usage, "an editor needs a terminal", next: "give the new content with --data JSON, --data - or --body FILE")
    }
    let newContent = try data.map { try ContentOptions.document($0) }
    let newBody = try body.map(Input.read)
    let edited = try await options.withOperations { operations in
      var draft = try await draft(operations)
      var changes = ""
      if isGiven {
        if let newBody { draft.body = newBody }
        if let newContent { try draft.setText(Self.body(of: draft, with: newContent)) }
        for header in headers { draft.headers[header.name] = header.value }
      } else {
        (draft, changes) = try inEditor(draft)
      }
      guard draft.isChanged else {
        throw CommandError(
          .failure, "nothing was changed, so nothing was published",
          next: "send it as it is with `warren dead replay \(id)`")
      }
      if !isGiven, !confirmation.yes {
        StandardError.print(changes)
        try confirmation.obtain("Publish this to '\(draft.original.origin)' instead of the dead letter?", options)
      }
      return Edited(id: try await operations.publish(draft), editedFrom: id, queue: draft.original.origin)
    }
    try Printer(options).thing(edited) { "\(edited.id)\n" }
  }

  /// Opens the editor, and again for as long as what comes out of it cannot be published and the person wants to go on.
  private func inEditor(_ draft: DeadLetterDraft) throws -> (DeadLetterDraft, String) {
    let shown = try DraftFile(draft, mask: options.mask)
    var text = shown.text
    while true {
      text = try Editor.edit(text)
      if text == shown.text { return (draft, "") }
      do { return try shown.read(text) } catch let error as CommandError {
        StandardError.error(error.description)
        if !StandardError.ask("Edit it again?") {
          throw CommandError(.failure, "nothing was published: the dead letter is as it was")
        }
      }
    }
  }

  /// The body with another content: what is around it stays, where the body is JSON.
  private static func body(of draft: DeadLetterDraft, with content: JSONText) -> String {
    draft.text.flatMap { try? MessageContent($0) }?.body(with: content) ?? content.compact
  }

  private func draft(_ operations: Operations) async throws -> DeadLetterDraft {
    let error: BrokerError
    do throws(BrokerError) { return try await operations.draft(id, in: queue) } catch let failure { error = failure }
    guard error.code == .ambiguous else { throw error }
    throw CommandError(.usage, error.message, next: "name it with --queue")
  }

  private struct Edited: Codable, Sendable {
    var id: MessageID
    var editedFrom: MessageID
    var queue: QueueName
  }
}
