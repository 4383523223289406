internal import Foundation
internal import Warren
internal import WarrenOperations

/// Who did what, here and by the command line.
enum AuditPage {
  /// How many entries are shown.
  static let limit = 200

  @Sendable static func page(_ call: Call) async throws -> Page {
    let content: HTML
    do throws(BrokerError) {
      let entries = try await call.audit(limit: limit)
      content =
        entries.isEmpty
        ? Parts.empty("Nothing was changed yet") { "What people change, here or by the command line, is listed." }
        : table(entries, call)
    } catch {
      guard error.code == .unsupported else { throw error }
      content = Parts.empty("No audit log is kept") {
        "This engine keeps none. The program that serves the dashboard can name a file for it."
      }
    }
    return Page(
      title: "Audit", section: .audit,
      regions: [.init(id: "audit", content: Tags.section(.class("card flush")) { content })])
  }

  private static func table(_ entries: [AuditEntry], _ call: Call) -> HTML {
    Tags.div(.class("scroll")) {
      Tags.table(.class("stack")) {
        Parts.head(
          ("When", false), ("Person", false), ("Action", false), ("What", false), ("Count", true), ("Outcome", false))
        Tags.tbody {
          for entry in entries {
            Tags.tr {
              Parts.cell("When") { Show.ago(entry.time, now: call.now) }
              Parts.cell("Person") { entry.actor }
              Parts.cell("Action") { Tags.strong { entry.action } }
              Parts.cell("What") { subject(entry) }
              Parts.cell("Count", number: true) { Show.number(entry.count) }
              Parts.cell("Outcome") {
                Parts.badge(entry.stage.rawValue, .init(entry.stage))
                " \(entry.note ?? "")"
              }
            }
          }
        }
      }
    }
  }

  private static func subject(_ entry: AuditEntry) -> String {
    [entry.queue?.rawValue, entry.message?.rawValue, entry.filter].compactMap(\.self).joined(separator: " ")
  }
}

extension Parts.Tone {
  init(_ stage: AuditEntry.Stage) {
    self =
      switch stage {
      case .begins: .info
      case .done: .good
      case .failed: .bad
      }
  }
}
