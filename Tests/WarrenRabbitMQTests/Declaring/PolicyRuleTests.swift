import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// Which policies on which queues are findings, without a broker.
@Suite("Policies") struct PolicyRuleTests {
  private func queue(_ name: String, _ arguments: String, policy: String) throws -> ManagementAPI.QueueInfo {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(
      ManagementAPI.QueueInfo.self,
      from: Data(
        #"{"name":"\#(name)","type":"quorum","arguments":{\#(arguments)},"effective_policy_definition":{\#(policy)}}"#
          .utf8))
  }
  private func findings(
    _ queues: [ManagementAPI.QueueInfo], on version: String = "4.0"
  ) -> [Finding] { PolicyRule.findings(about: queues, on: Server(version: version)) }
  private let own = #""x-dead-letter-strategy":"at-least-once","x-overflow":"reject-publish","x-delivery-limit":1000"#

  @Test(
    "Each key that changes what Warren relies on is found on its queues, and on its system queues",
    arguments: [
      #""overflow":"drop-head""#, #""message-ttl":1000"#, #""delivery-limit":20"#, #""expires":60000"#,
      #""max-length":10"#,
      #""max-length-bytes":1000"#, #""delayed-retry-type":"all""#,
    ])
  func harmful(_ policy: String) throws {
    for name in ["orders", "warren.delay.1000", "warren.relay.orders", "warren.suspect.orders"] {
      let found = findings([try queue(name, name == "orders" ? own : "", policy: policy)])
      #expect(found.count == 1 && found[0].fix != nil && found[0].text.contains(name), "\(found)")
    }
  }

  @Test("What changes nothing, and other people's queues, are left alone")
  func harmless() throws {
    for policy in [
      "", #""overflow":"reject-publish""#, #""delivery-limit":5000"#, #""delivery-limit":-1"#,
      #""queue-leader-locator":"balanced""#,
      #""delayed-retry-type":"disabled""#,
    ] {
      #expect(findings([try queue("orders", own, policy: policy)]).isEmpty, "\(policy)")
    }
    // There it is no limit; before 4.0 it lets nothing be delivered twice.
    let unlimited = try queue("orders", own, policy: #""delivery-limit":-1"#)
    #expect(findings([unlimited], on: "3.10").count == 1)
    // A policy that is longer than the bucket's own time lets nothing out early.
    let bucket = try queue("warren.delay.1000", #""x-message-ttl":1000"#, policy: #""message-ttl":60000"#)
    #expect(findings([bucket]).isEmpty)
    #expect(findings([try queue("theirs", "", policy: #""overflow":"drop-head""#)]).isEmpty)
  }

  @Test("Many queues are one finding") func many() throws {
    let queues = try (0..<50).map { try queue("orders.\($0)", own, policy: #""max-length":10"#) }
    let found = findings(queues)
    #expect(found.count == 1 && found[0].text.contains("50 queues"), "\(found)")
  }
}
