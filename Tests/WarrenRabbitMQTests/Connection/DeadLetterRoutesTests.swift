import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// Where dead letters go, by what the management API tells.
@Suite struct DeadLetterRoutesTests {
  private func resolved(
    _ queues: String, exchanges: String = "[]", bindings: String = "[]"
  ) throws -> [String: ManagementAPI.QueueInfo] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    var queues = try decoder.decode([ManagementAPI.QueueInfo].self, from: Data(queues.utf8))
    DeadLetterRoutes(
      exchanges: try decoder.decode([ManagementAPI.ExchangeInfo].self, from: Data(exchanges.utf8)),
      bindings: try decoder.decode([ManagementAPI.BindingInfo].self, from: Data(bindings.utf8))
    ).resolve(&queues)
    return Dictionary(uniqueKeysWithValues: queues.map { ($0.name, $0) })
  }

  @Test func aQueueOfWarrensHoldsAndAForeignOneMay() throws {
    let all = try resolved(
      """
      [{"name": "work", "arguments": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}},
       {"name": "dead"},
       {"name": "own", "type": "quorum", "arguments":
         {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "own.dlq", "x-overflow": "reject-publish"}},
       {"name": "own.dlq", "type": "quorum", "arguments": {"x-delivery-limit": 1000000, "x-overflow": "reject-publish"}},
       {"name": "alone.dlq"}, {"name": "plain"}]
      """)
    #expect(all.values.filter(\.holdsDeadLetters).map(\.name) == ["own.dlq"])
    #expect(all.values.filter(\.mayHoldDeadLetters).map(\.name).sorted() == ["alone.dlq", "dead"])
  }

  @Test func whatWaitsOutADelayIsNoDeadLetterNorIsAStreamOrAStage() throws {
    let all = try resolved(
      """
      [{"name": "delay", "arguments": {"x-message-ttl": 1000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "render"}},
       {"name": "render"},
       {"name": "work", "arguments": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "log"}},
       {"name": "log", "type": "stream"},
       {"name": "first", "arguments": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "second"}},
       {"name": "second", "arguments": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "third"}},
       {"name": "third"}]
      """)
    #expect(all.values.filter(\.holdsDeadLetters).isEmpty)
    #expect(all.values.filter(\.mayHoldDeadLetters).map(\.name) == ["third"])
  }

  @Test func anExchangeBehindAnExchangeIsFollowed() throws {
    let all = try resolved(
      #"[{"name": "work", "arguments": {"x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": "k"}}, {"name": "dead"}]"#,
      exchanges: #"[{"name": "dlx", "type": "topic"}, {"name": "all", "type": "fanout"}]"#,
      bindings: """
        [{"source": "dlx", "destination": "all", "destination_type": "exchange", "routing_key": "#"},
         {"source": "all", "destination": "dlx", "destination_type": "exchange", "routing_key": ""},
         {"source": "all", "destination": "dead", "destination_type": "queue", "routing_key": ""}]
        """)
    #expect(all["work"]?.deadLetterQueues == ["dead"] && all["work"]?.lostDeadLetters == nil)
  }

  @Test func whatGoesNowhereIsFound() throws {
    func loss(_ exchange: String, key: String?, _ kind: String = #"[{"name": "dlx", "type": "direct"}]"#) throws
      -> String?
    {
      let key = key.map { #", "x-dead-letter-routing-key": "\#($0)""# } ?? ""
      let all = try resolved(
        #"[{"name": "work", "arguments": {"x-dead-letter-exchange": "\#(exchange)"\#(key)}}, {"name": "dead"}]"#,
        exchanges: kind,
        bindings: #"[{"source": "dlx", "destination": "dead", "destination_type": "queue", "routing_key": "k"}]"#)
      let findings = Doctor.findingsOnRoutes(Array(all.values))
      #expect(findings.count == (all["work"]?.lostDeadLetters == nil ? 0 : 1))
      return all["work"]?.lostDeadLetters
    }
    #expect(try loss("dlx", key: "k") == nil)
    #expect(try loss("dlx", key: nil) == nil)
    #expect(try loss("dlx", key: "other")?.contains("takes the key 'other'") == true)
    #expect(try loss("gone", key: nil)?.contains("no exchange 'gone'") == true)
    #expect(try loss("", key: "gone")?.contains("no queue 'gone'") == true)
    #expect(try loss("", key: nil) == nil)
    #expect(try loss("bare", key: "k", #"[{"name": "bare", "type": "fanout"}]"#)?.contains("nothing is bound") == true)
    let alternate = #"[{"name": "dlx", "type": "direct", "arguments": {"alternate-exchange": "rest"}}]"#
    #expect(try loss("dlx", key: "other", alternate) == nil)
    #expect(try loss("dlx", key: "k", #"[{"name": "dlx", "type": "x-consistent-hash"}]"#) == nil)
  }
}
