import Foundation
import NIOCore
import Synchronization
import Testing

@testable import AMQP

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Faults between the client and a real broker. Nothing that was confirmed may be missing.
@Suite("Faults with a real broker", .enabled(if: RealBroker.isThere, RealBroker.skipped), .serialized)
struct RealFaultTests {
  private func proxied(_ proxy: FaultProxy, _ name: String = "faults") throws -> AMQPConfiguration {
    var configuration = try RealBroker.configuration(name: name)
    configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
    configuration.recovery.firstBound = .milliseconds(5)
    configuration.recovery.lastBound = .milliseconds(100)
    return configuration
  }

  private var endpoint: AMQPConfiguration.Endpoint {
    get throws { try RealBroker.configuration().endpoints[0] }
  }

  /// Takes everything out of a queue and returns the message ids.
  private func drain(_ queue: String) async throws -> [String] {
    try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
      let channel = try await connection.openChannel()
      var ids: [String] = []
      while let delivery = try await channel.get(queue, noAck: true) { ids.append(delivery.properties.messageID ?? "") }
      try await channel.deleteQueue(queue)
      return ids
    }
  }

  @Test("One byte at a time changes nothing")
  func singleBytes() async throws {
    try await within(.seconds(60)) {
      try await FaultProxy.run(to: try endpoint, .init(oneByteAtATime: true)) { proxy in
        try await AMQPConnection.withConnection(try proxied(proxy)) { connection in
          let channel = try await connection.openChannel()
          let queue = try await channel.declareQueue("", exclusive: true).name
          let results = await channel.publish((0..<20).map { AMQPMessage(routingKey: queue, body: "\($0)") })
          #expect(results.allSatisfy { $0.isConfirmed })
          var bodies: [String] = []
          for try await delivery in try await channel.consume(queue) {
            bodies.append(String(buffer: delivery.body))
            delivery.ack()
            if bodies.count == 20 { break }
          }
          #expect(bodies == (0..<20).map { "\($0)" })
        }
      }
    }
  }

  @Test(
    "A connection cut after any byte: what is confirmed is stored, what is resent keeps its id",
    arguments: [true, false])
  func cuts(_ fromBroker: Bool) async throws {
    try await within(.seconds(100)) {
      for offset in stride(from: 10, to: 1400, by: 45) {
        let queue = RealBroker.name("cut")
        var behaviour = FaultProxy.Behaviour()
        if fromBroker { behaviour.cutAfterBytesFromBroker = offset } else { behaviour.cutAfterBytesFromClient = offset }
        try await FaultProxy.run(to: try endpoint, behaviour) { proxy in
          var configuration = try proxied(proxy)
          configuration.recovery.retriesFirstConnect = true
          configuration.topology = AMQPTopology(queues: [.init(queue)])
          try await AMQPConnection.withConnection(configuration) { connection in
            let channel = try await connection.openChannel(.init(resendsUnknown: true))
            for index in 0..<5 {
              try await channel.publish(
                AMQPMessage(
                  routingKey: queue, properties: .init(deliveryMode: .persistent, messageID: "\(index)"), body: "x"))
            }
          }
          #expect(Set(try await drain(queue)) == ["0", "1", "2", "3", "4"], "cut at \(offset)")
        }
      }
    }
  }

  @Test("Connections that keep breaking under 64 publishing tasks lose nothing that was confirmed")
  func breaking() async throws {
    try await within(.seconds(60)) {
      let queue = RealBroker.name("breaking")
      try await FaultProxy.run(to: try endpoint) { proxy in
        var configuration = try proxied(proxy)
        configuration.topology = AMQPTopology(queues: [.init(queue)])
        let tally = Tally()
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
              group.addTask {
                for index in 0..<50 {
                  let id = "\(task)-\(index)"
                  let message = AMQPMessage(
                    routingKey: queue, properties: .init(deliveryMode: .persistent, messageID: id), body: "x")
                  while true {
                    do throws(AMQPError) {
                      try await channel.publish(message)
                      tally.confirmed.withLock { _ = $0.insert(id) }
                      break
                    } catch {
                      #expect(error.code == .unknownOutcome)
                      tally.unknown.withLock { $0 += 1 }
                    }
                  }
                }
              }
            }
            group.addTask {
              for _ in 0..<5 {
                for await state in connection.states() { if case .open = state { break } }
                let before = tally.confirmed.withLock { $0.count }
                await eventually { tally.confirmed.withLock { $0.count } >= min(before + 200, 3100) }
                await proxy.reset()
                for await state in connection.states() { if case .recovering = state { break } }
              }
            }
            try await group.waitForAll()
          }
        }
        let stored = try await drain(queue)
        #expect(Set(stored) == tally.confirmed.withLock { $0 })
        #expect(tally.confirmed.withLock { $0.count } == 3200)
        #expect(stored.count <= 3200 + tally.unknown.withLock { $0 })
      }
    }
  }

  @Test("After each of fifty cuts every consumer is back, and has what was published meanwhile")
  func fiftyCuts() async throws {
    try await within(.seconds(100)) {
      let queues = (0..<3).map { RealBroker.name("fifty-\($0)") }
      try await FaultProxy.run(to: try endpoint) { proxy in
        var configuration = try proxied(proxy)
        configuration.topology = AMQPTopology(queues: queues.map { .init($0) })
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          var consumers: [AMQPDeliveries.AsyncIterator] = []
          for queue in queues { consumers.append(try await channel.consume(queue, prefetch: 10).makeAsyncIterator()) }
          try await AMQPConnection.withConnection(try RealBroker.configuration()) { direct in
            let publisher = try await direct.openChannel()
            for cut in 1...50 {
              await proxy.reset()
              for queue in queues { try await publisher.publish(AMQPMessage(routingKey: queue, body: "\(cut)")) }
              for index in consumers.indices {
                // What was acknowledged as the connection was cut may come again before it.
                while let delivery = try await consumers[index].next() {
                  delivery.ack()
                  if String(buffer: delivery.body) == "\(cut)" { break }
                }
              }
            }
          }
        }
        #expect(proxy.accepted > 50)
      }
      for queue in queues { _ = try await drain(queue) }
    }
  }

  @Test("A half-open connection is found by its heartbeats and replaced; the consumer notices nothing")
  func halfOpen() async throws {
    try await within(.seconds(30)) {
      let queue = RealBroker.name("half-open")
      try await FaultProxy.run(to: try endpoint) { proxy in
        var configuration = try proxied(proxy)
        configuration.heartbeat = .seconds(1)
        configuration.topology = AMQPTopology(queues: [.init(queue)])
        try await AMQPConnection.withConnection(configuration) { connection in
          try await connection.consume(queue, prefetch: 10) { deliveries in
            proxy.stall()
            for await state in connection.states() {
              guard case .recovering(let reason) = state else { continue }
              #expect(reason.code == .heartbeatTimeout)
              break
            }
            proxy.resume()
            try await connection.withChannel { channel in
              try await channel.publish(AMQPMessage(routingKey: queue, body: "after"))
            }
            var iterator = deliveries.makeAsyncIterator()
            let delivery = try await iterator.next()
            #expect(delivery.map { String(buffer: $0.body) } == "after")
            delivery?.ack()
          }
        }
        #expect(proxy.accepted >= 2)
        #expect(try await drain(queue).isEmpty)
      }
    }
  }

  @Test(
    "A connection closed by an operator comes back",
    .enabled(if: RealBroker.isManaged, "skipped: set WARREN_TEST_MANAGEMENT as well"))
  func forcedClose() async throws {
    try await within(.seconds(60)) {
      let name = RealBroker.name("forced")
      let configuration = try RealBroker.configuration(name: name)
      try await AMQPConnection.withConnection(configuration) { connection in
        let channel = try await connection.openChannel()
        try await channel.publish(AMQPMessage(routingKey: "nowhere", mandatory: false, body: "x"))
        let states = connection.states()
        try await Management.closeConnection(named: name)
        for await state in states {
          guard case .recovering(let reason) = state else { continue }
          #expect(reason.code == .connectionClosedByServer)
          #expect(reason.replyCode == 320)
          break
        }
        try await channel.publish(AMQPMessage(routingKey: "nowhere", mandatory: false, body: "x"))
      }
    }
  }

  @Test("Deliveries held over a loss are stale, and the broker hands them out again")
  func staleAcks() async throws {
    try await within(.seconds(30)) {
      let queue = RealBroker.name("stale")
      try await FaultProxy.run(to: try endpoint) { proxy in
        var configuration = try proxied(proxy)
        configuration.topology = AMQPTopology(queues: [.init(queue)])
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          _ = await channel.publish(
            (0..<20).map {
              AMQPMessage(
                routingKey: queue, properties: .init(deliveryMode: .persistent, messageID: "\($0)"), body: "x")
            })
          let deliveries = try await channel.consume(queue, prefetch: 10)
          var iterator = deliveries.makeAsyncIterator()
          var held: [AMQPDelivery] = []
          while held.count < 10, let delivery = try await iterator.next() { held.append(delivery) }
          await proxy.reset()
          for await state in connection.states() { if case .recovering = state { break } }
          for await state in connection.states() { if case .open = state { break } }
          let settlements = held.map { $0.ack() }
          #expect(settlements.allSatisfy { $0 == .stale })
          var ids: [String] = []
          while ids.count < 20, let delivery = try await iterator.next() {
            ids.append(delivery.properties.messageID ?? "")
            #expect(delivery.ack() == .accepted)
          }
          #expect(Set(ids) == Set((0..<20).map { "\($0)" }))
        }
        #expect(try await drain(queue).isEmpty)
      }
    }
  }
}

/// What became of many publishes.
private final class Tally: Sendable {
  let confirmed = Mutex<Set<String>>([])
  let unknown = Mutex(0)
}

/// The broker's management API, as far as the tests need it.
enum Management {
  private static let base = RealBroker.management ?? ""

  static func closeConnection(named name: String) async throws {
    let id = try await connection(named: name)["name"] as? String
    let path = (id ?? "").addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    _ = try await call("DELETE", "\(base)/api/connections/\(path)")
  }

  static func clientProperties(of name: String) async throws -> [String: Any] {
    try await connection(named: name)["client_properties"] as? [String: Any] ?? [:]
  }

  private static func connection(named name: String) async throws -> [String: Any] {
    while true {
      let list = try await call("GET", "\(base)/api/connections")
      let connections = (try JSONSerialization.jsonObject(with: list) as? [[String: Any]]) ?? []
      if let match = connections.first(where: { ($0["user_provided_name"] as? String) == name }) { return match }
      // The management's statistics lag behind by some seconds.
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private static func call(_ method: String, _ url: String) async throws -> Data {
    guard let url = URL(string: url) else { throw URLError(.badURL) }
    var request = URLRequest(url: url)
    request.httpMethod = method
    request.setValue("Basic " + Data("guest:guest".utf8).base64EncodedString(), forHTTPHeaderField: "Authorization")
    return try await URLSession.shared.data(for: request).0
  }
}
