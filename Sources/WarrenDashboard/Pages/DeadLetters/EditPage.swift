internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// Changes a dead letter and publishes the copy in its place: first the fields, then the difference, then it is done.
enum EditPage {
  @Sendable static func edit(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.form)
    try call.require(.seeMessages, queue)
    let text: DraftText
    var draft: DeadLetterDraft
    switch call.form["step"] {
    case "preview"?, "back"?:
      try call.require(.edit, queue)
      draft = try await self.draft(id, queue, call)
      text = DraftText(call.form)
      try text.apply(to: &draft)
      if call.form["step"] == "back" { return .page(form(draft, text, id, call)) }
      return .page(try preview(draft, text, id, call))
    case "publish"?:
      return try await publish(id, queue, call)
    default:
      // The editor shows the true message, so opening it is written down.
      draft = try await call.reveal(.edit, id, queue) { try await self.draft(id, queue, call) }
      return .page(form(draft, try DraftText(draft), id, call))
    }
  }

  private static func draft(_ id: MessageID, _ queue: QueueName?, _ call: Call) async throws -> DeadLetterDraft {
    do throws(BrokerError) {
      return try await call.operations.draft(id, in: queue)
    } catch {
      if error.code == .notFound {
        throw Refusal(
          .conflict, "the dead letter '\(id)' is not there any more: it was replayed, edited or deleted meanwhile")
      }
      throw error
    }
  }

  private static func trail(_ draft: DeadLetterDraft, _ id: MessageID, _ call: Call) -> [Page.Trail] {
    [
      .init(title: "Dead letters", link: call.link("dead-letters").with("queue", draft.original.queue.rawValue)),
      .init(
        title: draft.original.message.name?.rawValue ?? id.rawValue,
        link: DeadLettersPage.link(id, draft.original.queue, call)),
    ]
  }

  private static func hidden(_ draft: DeadLetterDraft, _ id: MessageID, step: String?) -> [(String, String?)] {
    [("id", id.rawValue), ("queue", draft.original.queue.rawValue), ("step", step)]
  }

  private static func form(_ draft: DeadLetterDraft, _ text: DraftText, _ id: MessageID, _ call: Call) -> Page {
    Page(
      title: "Edit and replay", section: .deadLetters, trail: trail(draft, id, call),
      regions: [
        .init(
          id: "edit",
          content: Parts.card(nil) {
            Tags.p {
              "The copy goes to \(draft.original.origin.rawValue) as a message of its own, with a new id and a header that names this one; the dead letter is removed in the same step."
            }
            Parts.form(call, to: "dead-letter/edit", class: "region", hidden(draft, id, step: "preview")) {
              Fields.area(
                "headers", "Headers, one a line: name: value", text.headers,
                rows: min(10, max(3, text.headers.split(separator: "\n").count + 1)))
              Fields.area("body", "Body", text.body, rows: min(28, max(8, text.body.split(separator: "\n").count + 1)))
              Tags.div(.class("actions")) {
                Parts.button("Show the difference", "primary")
                Tags.a(.class("button"), .href(DeadLettersPage.link(id, draft.original.queue, call))) { "Do nothing" }
              }
            }
          })
      ])
  }

  private static func preview(_ draft: DeadLetterDraft, _ text: DraftText, _ id: MessageID, _ call: Call) throws -> Page
  {
    let before = try DraftText(DeadLetterDraft(draft.original))
    let after = try DraftText(draft)
    _ = try draft.message(now: call.desk.now)
    let headers = LineDifference(from: before.headers, to: after.headers)
    let body = LineDifference(from: before.body, to: after.body)
    let fields: [(String, String?)] = [("headers", text.headers), ("body", text.body)]
    return Page(
      title: draft.isChanged ? "What will be published" : "Nothing was changed", section: .deadLetters,
      trail: trail(draft, id, call),
      regions: [
        .init(
          id: "preview",
          content: HTML([
            Parts.card(nil) {
              if draft.isChanged {
                if !headers.isEmpty { Tags.h3 { "Headers" } }
                if !headers.isEmpty { difference(headers) }
                Tags.h3 { body.isEmpty ? "Body: not changed" : "Body" }
                difference(body)
              } else {
                Parts.empty("The copy would be the same as the dead letter") {
                  "Change something, or replay it as it is."
                }
              }
            },
            Tags.div(.class("actions")) {
              if draft.isChanged {
                Parts.form(call, to: "dead-letter/edit", hidden(draft, id, step: "publish") + fields) {
                  Parts.button("Publish to \(draft.original.origin.rawValue) and remove the dead letter", "primary")
                }
              }
              Parts.form(call, to: "dead-letter/edit", hidden(draft, id, step: "back") + fields) {
                Parts.button("Back to the editor")
              }
            },
          ]))
      ])
  }

  private static func difference(_ difference: LineDifference) -> HTML {
    Tags.pre(.class("difference"), Attribute("tabindex", "0"), .label("Difference")) {
      for line in difference.lines {
        switch line {
        case .same(let text): HTML("  \(text)\n")
        case .removed(let text): Tags.del { "- \(text)" }
        case .added(let text): Tags.ins { "+ \(text)" }
        }
      }
    }
  }

  private static func publish(_ id: MessageID, _ queue: QueueName?, _ call: Call) async throws -> Answer {
    let operations = call.operations
    let text = DraftText(call.form)
    let origin = try await call.act(.edit, queue) {
      var draft = try await self.draft(id, queue, call)
      try text.apply(to: &draft)
      do throws(BrokerError) {
        _ = try await operations.publish(draft)
        return draft
      } catch {
        if error.code == .notFound {
          throw Refusal(
            .conflict,
            "the dead letter '\(id)' is not there any more, and nothing was published: it was replayed, edited or deleted meanwhile"
          )
        }
        throw error
      }
    }
    return .see(Notice(.edited).on(call.link("dead-letters").with("queue", origin.original.queue.rawValue)))
  }
}

/// The headers and the body of a draft as two texts.
struct DraftText: Sendable, Equatable {
  var headers: String
  var body: String

  init(_ draft: DeadLetterDraft) throws(Refusal) {
    guard let text = draft.text else {
      throw Refusal(.badRequest, "the body is not text, so it cannot be edited here: replay it as it is")
    }
    headers = Self.editable(draft.headers).sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(
      separator: "\n")
    body = (try? JSONText(parsing: text))?.pretty ?? text
  }

  /// As a browser sends them: it ends lines with CR LF.
  init(_ form: FormFields) {
    func text(_ name: String) -> String { (form[name] ?? "").replacing("\r\n", with: "\n").replacing("\r", with: "\n") }
    headers = text("headers")
    body = text("body")
  }

  /// A header of several lines has no place in a list of lines, and stays as it is.
  private static func editable(_ headers: Message.Headers) -> Message.Headers {
    headers.filter { !$0.value.contains(where: \.isNewline) }
  }

  func apply(to draft: inout DeadLetterDraft) throws {
    let original = DeadLetterDraft(draft.original)
    var changed = original.headers.filter { $0.value.contains(where: \.isNewline) }
    for line in headers.split(separator: "\n") where !line.allSatisfy(\.isWhitespace) {
      guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else {
        throw Refusal(.badRequest, "'\(line.prefix(40))' is no header: write name: value, one a line")
      }
      let name = line[..<colon].trimmingCharacters(in: .whitespaces)
      if name.hasPrefix("warren-") {
        throw Refusal(.badRequest, "headers that begin with warren- are Warren's own: '\(name)'")
      }
      changed[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    draft.headers = changed
    draft.body = original.body
    let before = original.text ?? ""
    if let new = try? JSONText(parsing: body) {
      // The editor shows it on many lines; what is published is as narrow as what came in.
      if new != (try? JSONText(parsing: before)) { try draft.setText(new.compact) }
    } else if body != before.replacing("\r\n", with: "\n") {
      try draft.setText(body)
    }
  }
}
