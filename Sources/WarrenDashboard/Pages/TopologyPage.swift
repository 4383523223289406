internal import Warren
internal import WarrenOperations

/// What is declared: exchanges, queues and what binds them.
enum TopologyPage {
  /// How many bindings of one exchange are shown.
  private static let bindingsShown = 20

  @Sendable static func page(_ call: Call) async throws -> Page {
    let topology = try await call.topology()
    let overview = try? await call.overview()
    let statuses = Dictionary(
      (overview?.queues ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let isEmpty = topology.exchanges.isEmpty && topology.queues.isEmpty
    return Page(
      title: "Topology", section: .topology,
      regions: isEmpty
        ? [
          .init(
            id: "none",
            content: Parts.card(nil) {
              Parts.empty("Nothing is declared") { "That is done by the first service that applies its topology." }
            })
        ]
        : [
          .init(id: "graph", content: graph(topology, statuses, call)),
          .init(id: "exchanges", content: exchanges(topology, call)),
          .init(id: "queues", content: queues(topology, call)),
        ])
  }

  private static func graph(_ topology: Topology, _ statuses: [QueueName: QueueStatus], _ call: Call) -> HTML {
    guard let drawing = TopologyDrawing(topology) else { return .empty }
    return Parts.card("How messages go") {
      Tags.div(
        .class("scroll"), Attribute("tabindex", "0"), .role("region"),
        .label("Drawing of the topology; the tables below say the same")
      ) {
        drawing.svg {
          call.link("queue").with("name", $0.rawValue)
        } waiting: {
          statuses[$0]?.ready
        }
      }
    }
  }

  private static func exchanges(_ topology: Topology, _ call: Call) -> HTML {
    if topology.exchanges.isEmpty { return .empty }
    let exchanges = Paged(topology.exchanges, call, field: "exchanges-from")
    let bindings = Dictionary(grouping: topology.bindings, by: \.exchange)
    return Tags.section(.class("card flush")) {
      Tags.h2 { "Exchanges" }
      Tags.div(.class("scroll")) {
        Tags.table(.class("stack")) {
          Parts.head(("Exchange", false), ("Kind", false), ("Bindings", false))
          Tags.tbody {
            for exchange in exchanges.shown {
              let bindings = bindings[exchange.name] ?? []
              Tags.tr {
                Parts.cell("Exchange") {
                  Tags.strong { exchange.name.rawValue }; if exchange.isAdopted { " "; Parts.badge("adopted", .quiet) }
                }
                Parts.cell("Kind") { exchange.kind.rawValue }
                Parts.cell("Bindings") {
                  for binding in bindings.prefix(bindingsShown) {
                    Tags.div {
                      Tags.code { binding.key.rawValue.isEmpty ? "(empty key)" : binding.key.rawValue }
                      " → "
                      Tags.a(.href(call.link("queue").with("name", binding.queue.rawValue))) { binding.queue.rawValue }
                    }
                  }
                  if bindings.count > bindingsShown {
                    Tags.div(.class("muted")) {
                      "and \(Show.number(bindings.count - bindingsShown)) more, which the command line lists"
                    }
                  }
                }
              }
            }
          }
        }
      }
      exchanges.links("exchanges", call)
    }
  }

  private static func queues(_ topology: Topology, _ call: Call) -> HTML {
    let queues = Paged(topology.queues, call)
    return Tags.section(.class("card flush")) {
      Tags.h2 { "Queues" }
      Tags.div(.class("scroll")) {
        Tags.table(.class("stack")) {
          Parts.head(("Queue", false), ("Dead letters go to", false), ("Time to live", false))
          Tags.tbody {
            for queue in queues.shown {
              Tags.tr {
                Parts.cell("Queue") {
                  Tags.a(.href(call.link("queue").with("name", queue.name.rawValue))) { queue.name.rawValue }
                  if queue.isAdopted { " "; Parts.badge("adopted", .quiet) }
                }
                Parts.cell("Dead letters go to") {
                  queue.deadLetter.map { HTML($0.queue.rawValue) }
                    ?? Tags.span(.class("muted")) { "it holds dead letters" }
                }
                Parts.cell("Time to live") {
                  queue.timeToLive.map { HTML($0.words) } ?? Tags.span(.class("muted")) { "none" }
                }
              }
            }
          }
        }
      }
      queues.links("queues", call)
    }
  }
}
