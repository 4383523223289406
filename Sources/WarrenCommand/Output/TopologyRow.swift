internal import Warren

/// One line of a topology on a terminal.
struct TopologyRow: Codable {
  var kind: String
  var name: String
  var details: String

  static func rows(_ topology: Topology) -> [TopologyRow] {
    func adopted(_ isAdopted: Bool) -> String { isAdopted ? ", adopted" : "" }
    return topology.exchanges.map {
      TopologyRow(kind: "exchange", name: $0.name.rawValue, details: $0.kind.rawValue + adopted($0.isAdopted))
    }
      + topology.queues.map { queue in
        var details = queue.isAdopted ? "no dead-letter queue" : "holds dead letters"
        if let target = queue.deadLetter {
          details = "dead letters to \(target.queue)"
          if let exchange = target.exchange { details += " through \(exchange.name) by \(target.key)" }
        }
        if let time = queue.timeToLive {
          details += ", time to live \(time.words)"
        }
        return TopologyRow(kind: "queue", name: queue.name.rawValue, details: details + adopted(queue.isAdopted))
      }
      + topology.bindings.map {
        TopologyRow(kind: "binding", name: $0.queue.rawValue, details: "to \($0.exchange) by \($0.key)")
      }
      + topology.others.map { TopologyRow(kind: "left alone", name: "", details: $0) }
  }
}
