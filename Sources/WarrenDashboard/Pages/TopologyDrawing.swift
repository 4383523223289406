internal import Warren

/// Exchanges on the left, queues in the middle, queues of dead letters on the right, and lines between them.
struct TopologyDrawing {
  private struct Box {
    var name: String
    var column: Int
    var row: Int
  }
  private struct Edge {
    var from: String
    var to: String
    var key: String
    var isDead: Bool
  }
  private var boxes: [String: Box] = [:]
  private var edges: [Edge] = []
  private var rows = [0, 0, 0]

  /// More boxes than these are a tangle; then there is no drawing.
  private static let limit = 60
  private static let width = 250, height = 38, gapX = 170, gapY = 18

  init?(_ topology: Topology) {
    let dead = Set(topology.queues.compactMap { $0.deadLetter?.queue })
    let deadExchanges = Set(topology.queues.compactMap { $0.deadLetter?.exchange?.name })
    let exchanges = topology.exchanges.filter { !deadExchanges.contains($0.name) }
    guard exchanges.count + topology.queues.count <= Self.limit, !topology.queues.isEmpty else { return nil }
    for exchange in exchanges { add("x " + exchange.name.rawValue, exchange.name.rawValue, 0) }
    for queue in topology.queues where !dead.contains(queue.name) {
      add("q " + queue.name.rawValue, queue.name.rawValue, 1)
    }
    for queue in topology.queues where dead.contains(queue.name) {
      add("q " + queue.name.rawValue, queue.name.rawValue, 2)
    }
    for binding in topology.bindings where !deadExchanges.contains(binding.exchange) {
      edges.append(
        Edge(
          from: "x " + binding.exchange.rawValue, to: "q " + binding.queue.rawValue, key: binding.key.rawValue,
          isDead: false))
    }
    for queue in topology.queues {
      guard let target = queue.deadLetter else { continue }
      edges.append(Edge(from: "q " + queue.name.rawValue, to: "q " + target.queue.rawValue, key: "", isDead: true))
    }
  }

  private mutating func add(_ id: String, _ name: String, _ column: Int) {
    boxes[id] = Box(name: name, column: column, row: rows[column])
    rows[column] += 1
  }

  private func place(_ box: Box) -> (x: Int, y: Int) {
    // Columns that are shorter than the longest stand in its middle.
    let longest = rows.max() ?? 0
    let offset = (longest - rows[box.column]) * (Self.height + Self.gapY) / 2
    return (6 + box.column * (Self.width + Self.gapX), 6 + offset + box.row * (Self.height + Self.gapY))
  }

  func svg(_ link: (QueueName) -> Link, waiting: (QueueName) -> Int?) -> HTML {
    let totalWidth = 3 * Self.width + 2 * Self.gapX + 12
    let totalHeight = (rows.max() ?? 0) * (Self.height + Self.gapY) + 2
    return Tags.svg(
      .class("graph"), Attribute("viewBox", "0 0 \(totalWidth) \(totalHeight)"), .role("img"),
      .label("Exchanges, queues and queues of dead letters")
    ) {
      for edge in edges { line(edge) }
      for (id, box) in boxes.sorted(by: { ($0.value.column, $0.value.row) < ($1.value.column, $1.value.row) }) {
        if id.hasPrefix("q ") {
          let name = QueueName(box.name)
          Tags.a(.href(link(name))) { drawn(box, box.column == 2 ? "box dead" : "box", waiting(name)) }
        } else {
          drawn(box, "box exchange", nil)
        }
      }
    }
  }

  private func drawn(_ box: Box, _ kind: String, _ waiting: Int?) -> HTML {
    let (x, y) = place(box)
    return HTML([
      Tags.rect(
        .class(kind), Attribute("x", "\(x)"), Attribute("y", "\(y)"), Attribute("width", "\(Self.width)"),
        Attribute("height", "\(Self.height)"), Attribute("rx", "9")
      ) { HTML.empty },
      Tags.text(Attribute("x", "\(x + 12)"), Attribute("y", "\(y + 24)")) {
        box.name.count > 27 ? box.name.prefix(26) + "…" : box.name
      },
      waiting.map { count in
        Tags.text(
          .class("key"), Attribute("x", "\(x + Self.width - 12)"), Attribute("y", "\(y + 24)"),
          Attribute("text-anchor", "end")
        ) { Show.number(count) }
      } ?? .empty,
    ])
  }

  private func line(_ edge: Edge) -> HTML {
    guard let from = boxes[edge.from], let to = boxes[edge.to] else { return .empty }
    let (x1, y1) = (place(from).x + Self.width, place(from).y + Self.height / 2)
    let (x2, y2) = (place(to).x, place(to).y + Self.height / 2)
    let bend = (x2 - x1) / 2
    return HTML([
      Tags.path(
        .class(edge.isDead ? "edge dead" : "edge"),
        Attribute("d", "M\(x1) \(y1) C\(x1 + bend) \(y1) \(x2 - bend) \(y2) \(x2) \(y2)")
      ) { HTML.empty },
      edge.key.isEmpty
        ? .empty
        : Tags.text(
          .class("key"), Attribute("x", "\(x2 - 8)"), Attribute("y", "\(y2 - 5)"), Attribute("text-anchor", "end")
        ) {
          edge.key.count > 22 ? edge.key.prefix(21) + "…" : edge.key
        },
    ])
  }
}
