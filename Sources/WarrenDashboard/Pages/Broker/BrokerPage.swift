internal import Foundation
internal import Warren
internal import WarrenOperations

/// The engine: its version, its nodes with their alarms, what it can do, and what the doctor finds.
enum BrokerPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let description = try await call.operations.describe()
    let isThorough = call.fields["look"] == "all"
    // What is looked at often must not look at every row.
    let findings =
      isThorough ? try await call.diagnosis() : try await call.overview().findings
    return Page(
      title: "Broker", section: .broker,
      regions: [
        .init(
          id: "about",
          content: Tags.div(.class("columns")) {
            about(description)
            abilities(call.operations)
          }),
        .init(id: "nodes", content: nodes(description)),
        .init(id: "findings", content: found(findings, isThorough: isThorough, call)),
      ])
  }

  private static func about(_ description: BrokerDescription) -> HTML {
    Parts.card("What it is") {
      Tags.dl(.class("facts")) {
        Parts.row("Engine", HTML(description.engine))
        facts(description.facts)
      }
    }
  }

  private static func facts(_ facts: [BrokerDescription.Fact]) -> HTML {
    HTML(facts.map { Parts.row($0.name, HTML($0.value)) })
  }

  private static func abilities(_ operations: Operations) -> HTML {
    let able = operations.broker.capabilities
    func row(_ name: String, _ isAble: Bool) -> HTML {
      Parts.row(name, isAble ? Parts.badge("yes", .good) : Parts.badge("no", .quiet))
    }
    return Parts.card("What it can do") {
      Tags.dl(.class("facts")) {
        row("Shows messages that wait", able.showsWaitingMessages)
        row("Keeps bulk operations", operations.keepsBulkOperations)
        row("Tells a repeat of a unique job", !able.uniqueness.isEmpty)
        row("Orders by priority", able.ordersByPriority)
        row("Stores a batch as one", able.storesBatchesAsOne)
        Parts.row("Largest body", HTML(Show.size(able.largestBody)))
      }
    }
  }

  private static func nodes(_ description: BrokerDescription) -> HTML {
    guard let nodes = description.nodes else { return .empty }
    return Tags.section(.class("card flush")) {
      Tags.h2 { Show.count(nodes.count, "node") }
      Tags.div(.class("scroll")) {
        Tags.table(.class("stack")) {
          Parts.head(("Node", false), ("State", false), ("What is known", false))
          Tags.tbody {
            for node in nodes {
              Tags.tr {
                Parts.cell("Node") { Tags.code { node.name } }
                Parts.cell("State") {
                  if node.alarms.isEmpty {
                    Parts.badge(node.isRunning ? "runs" : "does not run", node.isRunning ? .good : .bad)
                  }
                  for alarm in node.alarms { Parts.badge(alarm, .bad) }
                }
                Parts.cell("What is known") {
                  node.facts.map { "\($0.name): \($0.value)" }.joined(separator: ", ")
                }
              }
            }
          }
        }
      }
    }
  }

  private static func found(_ findings: [Finding], isThorough: Bool, _ call: Call) -> HTML {
    Parts.card(isThorough ? "What the doctor finds" : "What is not well") {
      if findings.isEmpty {
        Tags.p { isThorough ? "Nothing was found." : "Nothing is known to be wrong." }
      } else {
        Parts.findings(Array(findings.prefix(200)), call)
      }
      Tags.div(.class("actions after")) {
        if !isThorough {
          Tags.a(.class("button"), .href(call.link("broker").with("look", "all"))) { "Look at everything" }
          Tags.p(.class("muted")) { "With many messages that takes seconds." }
        }
      }
    }
  }
}
