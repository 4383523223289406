import Foundation
import Logging
import Testing
import Warren
import WarrenRabbitMQ

/// What a broker refuses with is told to the service that runs the engine and to every call that waits for it.
@Suite(.enabled(if: RealBroker.url != nil, RealBroker.note))
struct ConnectionRefusalTests {
  private func broker(_ change: (inout URLComponents) -> Void) throws -> RabbitMQBroker {
    let url = try #require(RealBroker.url)
    var components = try #require(URLComponents(string: url))
    change(&components)
    return try RabbitMQBroker(
      url: try #require(components.string), logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test(arguments: ["password", "virtual host"]) func theReasonIsTheSameEachTime(_ wrong: String) async throws {
    for _ in 0..<20 {
      let broker = try broker { if wrong == "password" { $0.password = "wrong" } else { $0.path = "/nosuchhost" } }
      // The service that runs it, and a call that waits for it.
      let run = Task { try await broker.run() }
      let call = await #expect(throws: BrokerError.self) { try await broker.apply(Topology(queues: ["q"])) }
      let end = await #expect(throws: BrokerError.self) { try await run.value }
      for error in [call, end] {
        #expect(error?.code == .invalid)
        #expect(error?.message.contains(wrong == "password" ? "user name or password" : "virtual host") == true)
      }
    }
  }
}
