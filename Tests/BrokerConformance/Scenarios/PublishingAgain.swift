internal import Foundation
internal import Warren

private struct Note: EventMessage {
  static let name: MessageName = "note.taken"
  var text: String
}

extension Scenario {
  /// What a bus does when an answer is lost, and what was made before it is published.
  static let publishingAgain: [Scenario] = [
    Scenario("a publish whose answer was lost is repeated with the same id until it is known") { bench in
      let (exchange, queue) = try await bench.notes()
      let broker = LosingBroker(bench.broker, losing: [.afterStoring, .unreachable, .beforeStoring])
      let bus = EventBus(broker, exchange: exchange, source: "suite")
      let receipt = try await bus.publish(Note(text: "once"))
      try check(receipt.isStored, "stored, not \(receipt.result)")
      try equal(broker.publishes, 4, "publishes")
      try equal(try await bench.ids(queue, 2), [receipt.id, receipt.id], "both copies are the same message")
    },
    Scenario("only what has an unknown outcome is repeated, and each receipt stays with its message") { bench in
      let (exchange, queue) = try await bench.notes()
      let broker = LosingBroker(bench.broker, losing: [.beforeStoring])
      let bus = EventBus(broker, exchange: exchange, source: "suite")
      let publications = try (1...5).map { try bus.publication(of: Note(text: "\($0)"), id: "note-\($0)") }
      let receipts = try await bus.publish(publications)
      try equal(receipts.map(\.id), publications.compactMap(\.message.id), "ids")
      try check(receipts.allSatisfy(\.isStored), "stored, not \(receipts.map(\.result))")
      try equal(try await bench.ids(queue, 5), publications.compactMap(\.message.id), "arrived")
    },
    Scenario("without repeats, or after their deadline, the error has the id, and that publishes the message again") {
      bench in
      let (exchange, queue) = try await bench.notes()
      for policy in [UnknownOutcomePolicy.fail, .repeat(within: .milliseconds(50))] {
        let broker = LosingBroker(bench.broker, losing: Array(repeating: .beforeStoring, count: 50))
        let bus = EventBus(broker, exchange: exchange, source: "suite", onUnknownOutcome: policy)
        let note = Note(text: "again")
        do {
          try await bus.publish(note)
          throw ScenarioFailure("an outcome that is unknown is an error")
        } catch let error as BrokerError where error.code == .unknownOutcome {
          try equal(error.messageIDs.count, 1, "ids in the error")
          let receipt = try await EventBus(bench.broker, exchange: exchange, source: "suite")
            .publish(note, id: error.messageIDs.first)
          try equal([receipt.id], error.messageIDs, "id")
          try equal(try await bench.ids(queue, 1), error.messageIDs, "arrived")
        }
      }
    },
    Scenario("a publication that was written down is published as it was made") { bench in
      let (exchange, queue) = try await bench.notes()
      let composer = MessageComposer(source: "suite", exchange: exchange, clock: bench.clock)
      let made = try composer.publication(of: Note(text: "später 🐇"), headers: ["traceparent": "00-1-2-01"])
      let read = try JSONDecoder().decode(Publication.self, from: JSONEncoder().encode(made))
      let receipt = try await EventBus(bench.broker, source: "other").publish([read])[0]
      try check(receipt.isStored && receipt.id == made.message.id, "stored under its id, not \(receipt)")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        try equal(delivery.message.body, made.message.body, "body")
        try equal(delivery.message.headers["traceparent"], "00-1-2-01", "trace")
        try equal(delivery.message.source, "suite", "source")
        _ = try await bench.broker.settle(delivery, as: .complete)
      }
    },
  ]
}

extension Bench {
  fileprivate func notes() async throws -> (Exchange, Queue) {
    let exchange = exchange("notes", .topic), queue = queue("notes")
    try await broker.apply(
      Topology(
        exchanges: [exchange], queues: [queue], bindings: [Binding(queue.name, to: exchange.name, key: "note.*")]))
    return (exchange, queue)
  }

  /// The ids of the next deliveries, which are completed.
  fileprivate func ids(_ queue: Queue, _ count: Int) async throws -> [MessageID] {
    try await consume(queue) { consumer in
      var ids: [MessageID] = []
      for _ in 0..<count {
        let delivery = try await consumer.mustNext()
        if let id = delivery.message.id { ids.append(id) }
        _ = try await broker.settle(delivery, as: .complete)
      }
      return ids
    }
  }
}
