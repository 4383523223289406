internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// The messages of a queue: those that run, those that wait in their order, those that are delayed.
enum MessagesPage {
  /// How many are shown.
  static let limit = 100

  @Sendable static func page(_ call: Call) async throws -> Page {
    let selection = try selection(call)
    let (messages, hasMore, looked) = try await call.operations.messages(selection)
    let queue = selection.queue ?? ""
    return Page(
      title: "Messages of \(queue)", section: .queues,
      trail: [
        .init(title: "Queues", link: call.link("queues")),
        .init(title: queue.rawValue, link: call.link("queue").with("name", queue.rawValue)),
      ],
      regions: [
        .init(id: "filter", content: filter(queue, call)),
        .init(
          id: "messages",
          content: Tags.section(.class("card flush")) {
            messages.isEmpty ? empty(queue, call) : table(messages, call)
            if hasMore || looked != nil {
              Tags.div(.class("bar")) { Tags.span(.class("muted")) { rest(looked) } }
            }
          }),
      ])
  }

  /// What the address asks for.
  static func selection(_ call: Call) throws -> QueuedMessageSelection {
    guard let name = call.fields["queue"] else {
      throw Refusal(.badRequest, "the address does not say which queue: add ?queue=…")
    }
    let queue = QueueName(name)
    try call.require(.see, queue)
    let state = try call.fields["state"].map { text throws(Refusal) -> QueuedMessage.State in
      guard let state = QueuedMessage.State(rawValue: text) else {
        throw Refusal(.badRequest, "'\(text.prefix(20))' is no state: write running, ready or delayed")
      }
      return state
    }
    let filter = try call.fields["q"].map { try Wanted.filter($0, in: queue, call) }
    return QueuedMessageSelection(queue: queue, state: state, filter: filter ?? MessageFilter(), limit: limit)
  }

  private static func rest(_ looked: Int?) -> String {
    looked.map { "Looked at the first \(Show.number($0)) of them. A state makes it fewer." }
      ?? "These are the first \(limit) that match. A search or a state makes it fewer."
  }

  private static func filter(_ queue: QueueName, _ call: Call) -> HTML {
    Tags.form(
      .class("card filter"), Attribute("method", "get"), Attribute("action", call.link("messages").text),
      .role("search")
    ) {
      Parts.hiddenFields([("queue", queue.rawValue)])
      Tags.div(.class("whole")) {
        Fields.text(
          "q", "Search", call.fields["q"], hint: "name:email.* age>1h attempts>0 data.user.id=42", isSearch: true)
      }
      Fields.choice(
        "state", "State", call.fields["state"],
        [(value: "", title: "any")] + QueuedMessage.State.allCases.map { (value: $0.rawValue, title: $0.rawValue) })
      Tags.div(.class("actions")) {
        Parts.button("Show", "primary")
        if call.fields["q"] != nil || call.fields["state"] != nil {
          Tags.a(.href(call.link("messages").with("queue", queue.rawValue))) { "Show all" }
        }
      }
    }
  }

  private static func empty(_ queue: QueueName, _ call: Call) -> HTML {
    if call.fields["q"] == nil, call.fields["state"] == nil {
      return Parts.empty("'\(queue)' is empty") {
        "What is completed is gone from it; what was given up on is among the dead letters."
      }
    }
    return Parts.empty("No message matches") {
      Tags.a(.href(call.link("messages").with("queue", queue.rawValue))) { "Show all" }
    }
  }

  private static func table(_ messages: [QueuedMessageView], _ call: Call) -> HTML {
    Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(
          ("Message", false), ("State", false), ("Published", true), ("When", true), ("Attempts", true),
          ("Priority", true), ("Last error", false))
        Tags.tbody {
          for message in messages {
            Tags.tr {
              Parts.cell("Message") {
                Tags.a(.href(link(message, call))) { message.name?.rawValue ?? "unnamed" }
                Tags.small(.class("muted wide mono")) { message.id?.rawValue ?? "came without an id" }
              }
              Parts.cell("State") { state(message.state) }
              Parts.cell("Published", number: true) { Show.ago(message.published, now: call.now) }
              Parts.cell("When", number: true) { when(message, call) }
              Parts.cell("Attempts", number: true) { Show.number(message.attempts) }
              Parts.cell("Priority", number: true) { "\(message.priority.rawValue)" }
              Parts.cell("Last error") {
                let error = message.failures.last.map { "\($0.error): \($0.message)" } ?? ""
                Tags.span(.class("wide"), .title(error)) { error }
              }
            }
          }
        }
      }
    }
  }

  /// One that came without an id has no page.
  static func link(_ message: QueuedMessageView, _ call: Call) -> Link {
    guard let id = message.id else { return call.link("messages").with("queue", message.queue.rawValue) }
    return call.link("message").with("id", id.rawValue).with("queue", message.queue.rawValue)
  }

  static func state(_ state: QueuedMessage.State) -> HTML {
    switch state {
    case .running: Parts.badge("running", .good)
    case .ready: Parts.badge("ready", .info)
    case .delayed: Parts.badge("delayed", .quiet)
    }
  }

  private static func when(_ message: QueuedMessageView, _ call: Call) -> HTML {
    switch message.state {
    case .running: HTML([HTML("since "), Show.ago(message.since, now: call.now)])
    case .delayed: Show.ago(message.due, now: call.now)
    case .ready: HTML("waits")
    }
  }
}
