internal import Foundation

/// What was done here, by whom.
enum AuditPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let entries = call.desk.audit.entries
    return Page(
      title: "Audit", section: .audit,
      regions: [
        .init(
          id: "audit",
          content: Tags.section(.class("card flush")) {
            if entries.isEmpty {
              Parts.empty("Nothing was changed yet") {
                "What people do here is listed since this process began, at most \(AuditTrail.limit) actions; the log of the process has all of them."
              }
            } else {
              table(entries, call)
            }
          })
      ])
  }

  private static func table(_ entries: [AuditTrail.Entry], _ call: Call) -> HTML {
    Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(("When", false), ("Person", false), ("Action", false), ("What", false), ("Outcome", false))
        Tags.tbody {
          for entry in entries {
            Tags.tr {
              Parts.cell("When") { Show.ago(entry.time, now: call.now) }
              Parts.cell("Person") { entry.person }
              Parts.cell("Action") { Tags.strong { entry.action } }
              Parts.cell("What") { entry.subject }
              Parts.cell("Outcome") {
                if let outcome = entry.outcome {
                  Parts.badge(entry.isFailure ? "failed" : "done", entry.isFailure ? .bad : .good)
                  " \(outcome)"
                } else {
                  Parts.badge("begun", .info)
                }
              }
            }
          }
        }
      }
    }
  }
}
