import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

/// What the broker has, shown as a topology and compared with the same broker: no difference, whatever it has.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note)) struct ShownTopologyTests {
  @Test func whatIsShownIsNoDifference() async throws {
    let prefix = "t\(UInt32.random(in: 0...UInt32.max))."
    @Sendable func name(_ name: String) -> String { prefix + name }
    try await Foreign.withChannel { channel in
      for kind in ["direct", "topic", "fanout", "headers"] { try await channel.declareExchange(name(kind), type: kind) }
      try await channel.declareExchange(
        name("alternate"), type: "topic", arguments: ["alternate-exchange": .string(name("fanout"))])
      try await channel.declareExchange(name("transient"), type: "direct", durable: false)
      // By a plugin that the tests' broker has.
      try await channel.declareExchange(name("hash"), type: "x-consistent-hash", arguments: ["hash-header": "account"])
      try await channel.declareExchange(name("passing"), type: "direct", autoDelete: true)
      try await channel.declareExchange(name("internal"), type: "direct", isInternal: true)
      func dlx(_ exchange: String, _ key: String?) -> AMQPTable {
        var table: AMQPTable = ["x-dead-letter-exchange": .string(exchange)]
        if let key { table["x-dead-letter-routing-key"] = .string(key) }
        return table
      }
      let queues: [(String, AMQPTable)] = [
        ("plain", [:]), ("dead", [:]), ("prioritised", ["x-max-priority": 5]), ("quorum", ["x-queue-type": "quorum"]),
        ("stream", ["x-queue-type": "stream"]), ("short", ["x-message-ttl": 1000]),
        ("exact", dlx(name("direct"), "dead")), ("pattern", dlx(name("topic"), "a.b")),
        ("keyless", dlx(name("fanout"), nil)),
        ("internal", dlx(name("internal"), "x")), ("headers", dlx(name("headers"), "x")),
        ("builtin", dlx("amq.direct", "x")),
        ("itself", dlx("", name("itself"))), ("straight", dlx("", name("dead"))), ("lost", dlx(name("nowhere"), "x")),
        ("toPassing", dlx("", name("exclusive"))),
      ]
      for (queue, arguments) in queues { try await channel.declareQueue(name(queue), arguments: arguments) }
      try await channel.declareQueue(name("exclusive"), durable: false, exclusive: true)
      try await channel.declareQueue(name("autoDelete"), autoDelete: true)
      try await channel.bindQueue(name("dead"), to: name("direct"), routingKey: "dead")
      try await channel.bindQueue(name("dead"), to: name("topic"), routingKey: "a.#")
      try await channel.bindQueue(name("dead"), to: name("fanout"))
      try await channel.bindQueue(name("dead"), to: name("internal"), routingKey: "x")
      try await channel.bindQueue(name("dead"), to: "amq.direct", routingKey: "x")
      try await channel.bindQueue(name("dead"), to: name("headers"), arguments: ["x-match": "all", "a": "1"])
      try await channel.bindQueue(name("plain"), to: name("hash"), routingKey: "10")
      try await channel.bindExchange(name("direct"), to: name("topic"), routingKey: "b.*")
      let policy = "policies/%2F/\(prefix)limit"
      _ = try await RealBroker.api(
        policy, method: "PUT",
        body: #"{"pattern": "^\#(prefix)plain$", "definition": {"message-ttl": 60000}, "apply-to": "queues"}"#)

      try await RabbitMQBroker.real().withBroker { broker in
        let owned = Queue(
          QueueName(name("owned")),
          deadLetter: .exchange(ExchangeName(name("dlx")), key: "owned.dead", queue: QueueName(name("owned.dead"))))
        try await broker.apply(Topology(queues: [owned]))
        let shown = try await until {
          try await broker.topology()
        } holds: { topology in
          topology.others.contains { $0.contains(name("plain")) && $0.contains("message-ttl 60000 by a policy") }
        }
        // As a file, and read again.
        let file = try JSONDecoder().decode(Topology.self, from: JSONEncoder().encode(shown))
        let differences = try await broker.differences(from: file).filter { $0.subject.contains(prefix) }
        #expect(differences.isEmpty, "\(differences)")
        func queue(_ text: String) -> Queue? { shown.queues.first { $0.name.rawValue == name(text) } }
        #expect(queue("owned") == owned)
        #expect(queue("exact")?.deadLetter?.exchange?.name.rawValue == name("direct"))
        #expect(queue("pattern")?.deadLetter == .queue(QueueName(name("dead"))))
        #expect(queue("itself")?.deadLetter == nil && queue("plain")?.deadLetter == nil)
        #expect(
          shown.exchanges.first { $0.name.rawValue == name("headers") }
            == Exchange(ExchangeName(name("headers")), .other("headers"), isAdopted: true))
        #expect(shown.exchanges.first { $0.name.rawValue == name("hash") }?.kind == .other("x-consistent-hash"))
        for exchange in ["alternate", "transient", "hash"] {
          #expect(shown.exchanges.first { $0.name.rawValue == name(exchange) }?.isAdopted == true)
        }
        // Nothing is left out in silence.
        let text = shown.others.joined(separator: "\n")
        for part in [
          "'\(name("passing"))'", "'\(name("internal"))'", "'\(name("exclusive"))'", "'\(name("autoDelete"))'",
          "of the exchange '\(name("direct"))' to the exchange '\(name("topic"))'", "to the exchange 'amq.direct'",
          "to the exchange '\(name("headers"))' by arguments", "x-max-priority 5",
          "the dead letters of '\(name("pattern"))'",
          "the dead letters of '\(name("itself"))' come back to it",
        ] { #expect(text.contains(part), "\(part)") }
      }
      _ = try await RealBroker.api(policy, method: "DELETE")
      for queue in queues.map(\.0) + ["exclusive", "autoDelete", "owned", "owned.dead"] {
        try await channel.deleteQueue(name(queue))
      }
      for exchange in [
        "direct", "topic", "fanout", "headers", "alternate", "transient", "passing", "internal", "dlx", "hash",
      ] {
        try await channel.deleteExchange(name(exchange))
      }
    }
  }
}
