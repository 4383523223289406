internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// One message in a queue: what it is doing, why it is not running, what it has been through, what is in it.
enum OneMessagePage {
  @Sendable static func page(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.fields)
    let messages: [QueuedMessageView]
    do throws(BrokerError) {
      messages = try await call.operations.messages(id, in: queue)
    } catch {
      guard error.code == .notFound else { throw error }
      return try await gone(id, error, call)
    }
    return .page(try await page(messages, id, call, isRevealed: false))
  }

  /// The same page with its secrets. It is asked for by a form, and written down.
  @Sendable static func reveal(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.form)
    let operations = call.desk.revealing
    let messages = try await call.reveal(.reveal, id, queue) { try await operations.messages(id, in: queue) }
    return .page(try await page(messages, id, call, isRevealed: true))
  }

  /// One that is in no queue may have been given up on.
  private static func gone(_ id: MessageID, _ error: BrokerError, _ call: Call) async throws -> Answer {
    let letters = (try? await call.operations.deadLetters(id)) ?? []
    guard let letter = letters.first(where: { call.may(.see, $0.queue) }) else { throw error }
    return .see(call.link("dead-letter").with("id", id.rawValue).with("queue", letter.queue.rawValue))
  }

  private static func page(
    _ messages: [QueuedMessageView], _ id: MessageID, _ call: Call, isRevealed: Bool
  ) async throws -> Page {
    let seen = messages.filter { call.may(.see, $0.queue) }
    guard let explained = try await call.operations.explained(Array(seen.prefix(1))).first else {
      throw Refusal(.notFound, "there is no message '\(id)'")
    }
    let message = explained.message
    return Page(
      title: message.name?.rawValue ?? "Message without a name", section: .queues,
      trail: [
        .init(title: "Queues", link: call.link("queues")),
        .init(title: message.queue.rawValue, link: call.link("queue").with("name", message.queue.rawValue)),
        .init(title: "Messages", link: call.link("messages").with("queue", message.queue.rawValue)),
      ],
      regions: [
        .init(id: "others", content: others(Array(seen.dropFirst()), call)),
        .init(id: "actions", content: actions(message, id, call)),
        .init(
          id: "message",
          content: HTML([
            waiting(explained, call),
            Tags.div(.class("columns")) {
              about(message, call)
              ContentParts.timeline(
                published: message.published, message.failures, now(message, call), attempts: message.attempts,
                interruptions: message.interruptions, call)
            },
          ])),
        .init(
          id: "content",
          content: ContentParts(
            queue: message.queue, body: message.body, headers: message.headers, isRevealed: isRevealed,
            reveal: ("message/reveal", [("id", id.rawValue), ("queue", message.queue.rawValue)])
          ).content(call)),
      ])
  }

  private static func others(_ others: [QueuedMessageView], _ call: Call) -> HTML {
    if others.isEmpty { return .empty }
    return Tags.p(.class("notice warning")) {
      "The message is in several queues. See also: "
      for other in others {
        Tags.a(.href(MessagesPage.link(other, call))) { other.queue.rawValue }
        " "
      }
    }
  }

  private static func actions(_ message: QueuedMessageView, _ id: MessageID, _ call: Call) -> HTML {
    let fields = [("id", id.rawValue), ("queue", message.queue.rawValue)]
    if message.state == .running {
      guard call.may(.cancel, message.queue) else { return .empty }
      return Tags.div(.class("actions")) {
        Parts.form(call, to: "worker/cancel", fields) { Parts.button("End its handler", "danger") }
      }
    }
    return Tags.div(.class("actions")) {
      if message.state == .delayed, call.may(.run, message.queue) {
        Parts.form(call, to: "message/run", fields) { Parts.button("Run it now") }
      }
      if call.may(.delete, message.queue) {
        Tags.a(
          .class("button danger"),
          .href(call.link("message/delete").with("id", id.rawValue).with("queue", message.queue.rawValue))
        ) { "Delete it" }
      }
    }
  }

  @Sendable static func run(_ call: Call) async throws -> Answer {
    let (id, queue) = try wanted(call.form)
    let count = try await call.act(.run, queue) { try await call.operations.runNow(id, in: queue) }
    return .see(
      Notice(.hastened, count: count).on(call.link("message").with("id", id.rawValue).with("queue", queue.rawValue)))
  }

  @Sendable static func confirmDelete(_ call: Call) async throws -> Page {
    let (id, queue) = try wanted(call.fields)
    let link = call.link("message").with("id", id.rawValue).with("queue", queue.rawValue)
    return Page(
      title: "Delete a message that waits", section: .queues,
      trail: [
        .init(title: "Queues", link: call.link("queues")),
        .init(title: queue.rawValue, link: call.link("queue").with("name", queue.rawValue)),
      ],
      regions: [
        .init(
          id: "confirm",
          content: Parts.card(nil) {
            Tags.p { "The message \(id) in '\(queue)' will never be handled. It cannot be brought back." }
            Parts.form(
              call, to: "message/delete", class: "actions", [("id", id.rawValue), ("queue", queue.rawValue)]
            ) {
              Parts.button("Delete 1 message", "danger sure")
              Tags.a(.class("button"), .href(link)) { "Keep it" }
            }
          })
      ])
  }

  @Sendable static func delete(_ call: Call) async throws -> Answer {
    let (id, queue) = try wanted(call.form)
    let count = try await call.act(.delete, queue) { try await call.operations.removeWaiting(id, from: queue) }
    return .see(Notice(.purged, count: count).on(call.link("messages").with("queue", queue.rawValue)))
  }

  /// The message that a form or an address names, and its queue.
  private static func wanted(_ fields: FormFields) throws -> (MessageID, QueueName) {
    let (id, queue) = try Wanted.letter(fields)
    guard let queue else { throw Refusal(.badRequest, "the queue of the message is missing") }
    return (id, queue)
  }

  private static func waiting(_ explained: ExplainedMessage, _ call: Call) -> HTML {
    if explained.message.state == .running { return .empty }
    return Parts.card("Why is this not running?") { Parts.hindrances(explained.hindrances, waits: true, call) }
  }

  private static func about(_ message: QueuedMessageView, _ call: Call) -> HTML {
    let now = call.desk.now
    return Parts.card("What it is") {
      Tags.dl(.class("facts")) {
        Parts.row("Id", message.id.map { Parts.id($0.rawValue) })
        Parts.row("State", MessagesPage.state(message.state))
        Parts.row(
          "Queue", Tags.a(.href(call.link("queue").with("name", message.queue.rawValue))) { message.queue.rawValue })
        Parts.row("Handled by", Parts.text(message.worker))
        Parts.row("Since", message.since.map { Show.exact($0, now: now) })
        Parts.row("Due", message.due.map { Show.exact($0, now: now) })
        Parts.row("Published", message.published.map { Show.exact($0, now: now) })
        Parts.row("Published by", Parts.text(message.source))
        Parts.row("Exchange", Parts.text(message.exchange?.rawValue))
        Parts.row("Routing key", Parts.text(message.routingKey.rawValue).map { key in Tags.code { key } })
        Parts.row("Priority", HTML("\(message.priority.rawValue)"))
        Parts.row("Expires", message.expiresAt.map { Show.exact($0, now: now) })
        Parts.row("Correlation id", message.correlationID.map { Parts.id($0) })
        Parts.row(
          "Replayed before",
          message.replays > 0 ? HTML(message.replays == 1 ? "once" : "\(message.replays) times") : nil)
      }
    }
  }

  /// The last line of the timeline.
  private static func now(_ message: QueuedMessageView, _ call: Call) -> HTML {
    let (title, time): (String, Date?) =
      switch message.state {
      case .running: ("Handled by \(message.worker ?? "a worker")", message.since)
      case .ready: ("Waits for a worker", nil)
      case .delayed: (message.attempts > 0 ? "Waits for the next attempt" : "Waits for its time", message.due)
      }
    return Tags.li(.class(message.state == .running ? "good" : nil)) {
      Tags.strong { title }
      if let time { Tags.p(.class("muted")) { Show.exact(time, now: call.desk.now) } }
    }
  }
}
