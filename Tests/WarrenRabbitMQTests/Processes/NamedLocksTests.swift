import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// What locks are on RabbitMQ, beyond the scenarios of the suite.
@Suite("Named locks", .enabled(if: RealBroker.isThere, RealBroker.note)) struct NamedLocksTests {
  @Test("A lock that is lost with its connection cancels what runs under it, and is free") func lost() async throws {
    let name = LockName(Foreign.name())
    var configuration = RabbitMQConfiguration()
    configuration.connectionName = "lock \(name)"
    let broker = try RabbitMQBroker(urls: try #require(RealBroker.urls), configuration: configuration)
    try await broker.withBroker { broker in
      let (began, begin) = AsyncStream<Void>.makeStream()
      let held = Task {
        try await broker.withLock(name) {
          begin.finish()
          try await Task.sleep(for: .seconds(3600))
        }
      }
      for await _ in began {}
      try await RealBroker.closeConnection(named: "lock \(name)")
      let error = await #expect(throws: BrokerError.self) { try await held.value }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("lost") == true)
      try await broker.withLock(name, wait: .seconds(20)) {}
    }
  }

  @Test(
    "Waiting for a lock of another process leaves few errors in the broker's log",
    .enabled(if: RealBroker.canBeBroken, RealBroker.note))
  func waiting() async throws {
    let name = LockName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { one in
      try await RabbitMQBroker.real().withBroker { two in
        let waited = Watched(false)
        let waiting = try await one.withLock(name) {
          let waiting = Task { try await two.withLock(name) { waited.withValue { $0 = true } } }
          await #expect(throws: BrokerError.self) { try await two.withLock(name, wait: .seconds(3)) {} }
          #expect(!waited.value)
          return waiting
        }
        try await waiting.value
        #expect(waited.value)
      }
    }
    let log = try String(contentsOfFile: try #require(try await RealBroker.log()), encoding: .utf8)
    // Those with which the two began to wait.
    let errors = log.split(separator: "\n").filter { $0.contains("exclusive access") && $0.contains(name.rawValue) }
    #expect(errors.count <= 2)
  }
}
