internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// Changes a dead letter and publishes the copy in its place: first the fields, then the difference, then it is done.
enum EditPage {
  /// What a person has written.
  private struct Edited {
    var headers: String
    var body: String
    var isUncovered: Bool

    init(_ text: DraftText, isUncovered: Bool) {
      (headers, body) = (text.headers, text.body)
      self.isUncovered = isUncovered
    }

    /// As a browser sends it: it ends lines with CR LF.
    init(_ form: FormFields) {
      func text(_ name: String) -> String {
        (form[name] ?? "").replacing("\r\n", with: "\n").replacing("\r", with: "\n")
      }
      (headers, body) = (text("headers"), text("body"))
      isUncovered = form["uncovered"] != nil
    }

    var fields: [(String, String?)] {
      [("headers", headers), ("body", body), ("uncovered", isUncovered ? "yes" : nil)]
    }
  }

  @Sendable static func edit(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.form)
    try await call.requireEverywhere(.edit, queue)
    try await call.requireEverywhere(.seeMessages, queue)
    let step = call.form["step"]
    if step == "publish" { return try await publish(id, queue, call) }
    let isUncovered = step == "uncover" || call.form["uncovered"] != nil
    // What is shown with its secrets is shown on record, each time.
    let draft =
      isUncovered
      ? try await call.reveal(.reveal, id, queue) { try await self.draft(id, queue, call) }
      : try await self.draft(id, queue, call)
    let shown: DraftText
    do { shown = try DraftText(draft, mask: isUncovered ? .off : call.operations.mask) } catch {
      guard error.problem == .hiddenInText else { throw refusal(error) }
      return .page(covered(draft, id, call))
    }
    switch step {
    case "preview"?:
      let edited = Edited(call.form)
      do {
        let changed = try shown.read(headers: edited.headers, body: edited.body)
        _ = try changed.message(now: call.desk.now)
        return .page(preview(changed, shown, edited, id, call))
      } catch let error as DraftTextError {
        return .page(form(draft, shown, edited, refusal(error), id, call))
      }
    case "back"?: return .page(form(draft, shown, Edited(call.form), nil, id, call))
    default: return .page(form(draft, shown, Edited(shown, isUncovered: isUncovered), nil, id, call))
    }
  }

  private static func refusal(_ error: DraftTextError) -> Refusal {
    let place =
      switch error.place {
      case .header(let line): "line \(line) of the headers: "
      case .body(let line, let column): "line \(line), column \(column) of the content: "
      case nil: ""
      }
    let next =
      switch error.problem {
      case .noText: ": it cannot be edited here, but replayed as it is"
      case .noHeader: ": write name: value, one a line"
      case .mangled: ": leave it as it was, or replace the whole value"
      case .hiddenInText, .ownHeader, .noJSON: ""
      }
    return Refusal(.badRequest, place + error.text + next)
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

  private static func form(
    _ draft: DeadLetterDraft, _ shown: DraftText, _ edited: Edited, _ complaint: Refusal?, _ id: MessageID, _ call: Call
  ) -> Page {
    let content = shown.hasEnvelope ? "Content, without the envelope around it" : "Body"
    return Page(
      title: "Edit and replay", section: .deadLetters, status: complaint?.status ?? .ok, trail: trail(draft, id, call),
      regions: [
        .init(
          id: "edit",
          content: Parts.card(nil) {
            if let complaint {
              Tags.p(.class("notice bad"), .role("alert")) { "■ \(complaint.text)" }
            }
            Tags.p {
              "The copy goes to \(draft.original.origin.rawValue) as a message of its own, with a new id and a header that names this one; the dead letter is removed in the same step."
            }
            if edited.isUncovered {
              Tags.p(.class("notice warning")) { "▲ Nothing is hidden here. That you looked is written in the audit." }
            } else if shown.hidesSomething {
              uncover(
                draft, id,
                "What is hidden stands as ***1*** and stays as it is. Replace the whole of it to change it.", call)
            }
            Parts.form(
              call, to: "dead-letter/edit", class: "region",
              hidden(draft, id, step: "preview") + [("uncovered", edited.isUncovered ? "yes" : nil)]
            ) {
              Fields.area(
                "headers", "Headers, one a line: name: value", edited.headers,
                rows: min(10, max(3, edited.headers.split(separator: "\n").count + 1)))
              Fields.area(
                "body", content, edited.body, rows: min(28, max(8, edited.body.split(separator: "\n").count + 1)))
              Tags.div(.class("actions")) {
                Parts.button("Show the difference", "primary")
                Tags.a(.class("button"), .href(DeadLettersPage.link(id, draft.original.queue, call))) { "Do nothing" }
              }
            }
          })
      ])
  }

  /// A body in which secrets are hidden, and that is no JSON in which they could be put back.
  private static func covered(_ draft: DeadLetterDraft, _ id: MessageID, _ call: Call) -> Page {
    Page(
      title: "Edit and replay", section: .deadLetters, trail: trail(draft, id, call),
      regions: [
        .init(
          id: "edit",
          content: Parts.card(nil) {
            uncover(
              draft, id,
              "Parts of the body are hidden, and it is no JSON in which they could be put back: it can be edited only with all of it shown.",
              call)
            Tags.div(.class("actions")) {
              Tags.a(.class("button"), .href(DeadLettersPage.link(id, draft.original.queue, call))) { "Do nothing" }
            }
          })
      ])
  }

  private static func uncover(_ draft: DeadLetterDraft, _ id: MessageID, _ text: String, _ call: Call) -> HTML {
    Tags.div(.class("actions")) {
      Tags.p(.class("muted")) { text }
      if call.may(.reveal, draft.original.queue) {
        Parts.form(call, to: "dead-letter/edit", hidden(draft, id, step: "uncover")) {
          Tags.button(.type("submit"), .class("quiet")) { "Show it (written in the audit)" }
        }
      }
    }
  }

  private static func preview(
    _ draft: DeadLetterDraft, _ shown: DraftText, _ edited: Edited, _ id: MessageID, _ call: Call
  ) -> Page {
    let (headers, body) = shown.differences(headers: edited.headers, body: edited.body)
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
                Parts.form(call, to: "dead-letter/edit", hidden(draft, id, step: "publish") + edited.fields) {
                  Parts.button("Publish to \(draft.original.origin.rawValue) and remove the dead letter", "primary")
                }
              }
              Parts.form(call, to: "dead-letter/edit", hidden(draft, id, step: "back") + edited.fields) {
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
    let edited = Edited(call.form)
    let origin = try await call.act(.edit, queue) {
      var draft = try await self.draft(id, queue, call)
      do {
        draft = try DraftText(draft, mask: edited.isUncovered ? .off : operations.mask).read(
          headers: edited.headers, body: edited.body)
      } catch let error as DraftTextError { throw refusal(error) }
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
