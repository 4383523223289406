internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// Dead letters that were deleted and can be put back.
enum DeletedPage {
  static let limit = 100

  /// What becomes of those that are deleted, as a confirmation says it.
  static func consequence(_ call: Call) -> String {
    call.operations.restoring.map {
      "They can be put back for \($0.lifetime.words), the newest \(Show.number($0.limit)) of them."
    } ?? "\(call.operations.broker.capabilities.engine) keeps nothing of what is deleted: they are gone for good."
  }

  @Sendable static func page(_ call: Call) async throws -> Page {
    let letters = try await call.operations.deletedDeadLetters(limit: limit).filter { call.may(.see, $0.queue) }
    return Page(
      title: "Deleted dead letters", section: .deadLetters,
      trail: [.init(title: "Dead letters", link: call.link("dead-letters"))],
      regions: [
        .init(id: "deleted", content: letters.isEmpty ? nothing(call) : list(letters, call))
      ])
  }

  private static func nothing(_ call: Call) -> HTML {
    Parts.card(nil) {
      Parts.empty("Nothing can be put back") {
        "Dead letters that are deleted stand here for \(call.operations.restoring?.lifetime.words ?? "a while"). "
        Tags.a(.href(call.link("dead-letters"))) { "Show all dead letters" }
      }
    }
  }

  private static func list(_ letters: [DeletedDeadLetter], _ call: Call) -> HTML {
    Tags.section(.class("card flush")) {
      Parts.form(call, to: "dead-letters/restore") {
        Tags.div(.class("bar first")) {
          Tags.button(.type("submit"), .class("button primary"), Attribute("data-selected", "Put back")) {
            "Put back selected"
          }
          Tags.span(.class("push muted")) { "The last \(Show.number(limit)) at most, those deleted last first" }
        }
        Tags.div(.class("scroll")) {
          Tags.table(.class("stack")) {
            Tags.thead {
              Tags.tr {
                Tags.th(.class("pick")) {
                  Tags.input(
                    .type("checkbox"), Attribute("data-all", if: true), Attribute("hidden", if: true),
                    .label("Select all on this page"))
                }
                for title in ["Message", "Given up on by", "Reason"] { Tags.th(.scope("col")) { title } }
                Tags.th(.scope("col"), .class("number")) { "Deleted" }
              }
            }
            Tags.tbody { for letter in letters { row(letter, call) } }
          }
        }
      }
    }
  }

  private static func row(_ letter: DeletedDeadLetter, _ call: Call) -> HTML {
    let name = letter.name?.rawValue ?? "unnamed"
    return Tags.tr {
      Tags.td(.class("pick")) {
        Tags.input(
          .type("checkbox"), .name("pick"), .value(letter.address.rawValue),
          .label("Select \(name) \(letter.id ?? letter.address)"))
      }
      Parts.cell("Message") {
        Tags.span { name }
        Tags.small(.class("muted wide mono")) { (letter.id ?? letter.address).rawValue }
      }
      Parts.cell("Given up on by") { letter.origin.rawValue }
      Parts.cell("Reason") { Parts.badge(letter.reason.rawValue, letter.reason == .exhausted ? .warning : .bad) }
      Parts.cell("Deleted", number: true) { Show.ago(letter.time, now: call.desk.now) }
    }
  }

  /// Puts those back that were ticked.
  @Sendable static func restore(_ call: Call) async throws -> Answer {
    let picks = Set(call.form.all("pick"))
    if picks.isEmpty {
      throw Refusal(.badRequest, "no dead letter was selected: tick some, then press the button again")
    }
    let known = try await call.operations.deletedDeadLetters(limit: .max).filter { picks.contains($0.address.rawValue) }
    for queue in Set(known.map(\.queue)).sorted() { try call.require(.delete, queue) }
    if known.isEmpty { throw Refusal(.notFound, "none of them can be put back: that was too long ago, or it is done") }
    let restored = try await call.operations.restoreDeadLetters(known.map(\.address))
    await call.desk.sampler.forget()
    return .see(
      Notice(.restored, count: restored.count, missing: max(0, picks.count - restored.count)).on(
        call.link("dead-letters")))
  }
}
