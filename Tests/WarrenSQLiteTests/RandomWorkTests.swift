import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

/// Random work, the same for the same seed, after which nothing may be lost, doubled or miscounted.
@Suite struct RandomWorkTests {
  private static let queues: [QueueName] = ["a", "b", "c"]

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func nothingIsLost(seed: UInt64) async throws {
    let clock = VirtualClock()
    try await SQLiteBroker.inMemory(clock: clock).withBroker { try await work(on: $0, clock, seed: seed) }
  }

  @Test(arguments: 100...103 as ClosedRange<UInt64>)
  func nothingIsLostInAFile(seed: UInt64) async throws {
    let folder = try TemporaryFolder()
    let clock = VirtualClock()
    try await SQLiteBroker(path: folder.path("b.db"), clock: clock).withBroker {
      try await work(on: $0, clock, seed: seed)
    }
  }

  private func work(on broker: SQLiteBroker, _ clock: VirtualClock, seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    var definitions = Self.queues.map { Queue($0) }
    definitions[1].timeToLive = .seconds(40)
    definitions[2].deadLetter = .exchange("dlx", key: "c.dead")
    try await broker.apply(
      Topology(
        exchanges: ["topic", .fanout("all")], queues: definitions,
        bindings: [
          Binding("a", to: "topic", key: "x.#"), Binding("a", to: "topic", key: "*.y"),
          Binding("b", to: "topic", key: "x.y"),
          Binding("a", to: "all"), Binding("c", to: "all"),
        ]))
    var published = 0
    var completed = 0
    var gone = 0
    for round in 0..<40 {
      // Publish.
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        var job = message("\(round)", priority: Priority(rawValue: UInt8.random(in: 0...9, using: &random)) ?? .normal)
        if Int.random(in: 0..<4, using: &random) == 0 {
          job.expiresAt = clock.now + Double.random(in: 1...90, using: &random)
        }
        let publication =
          switch Int.random(in: 0..<4, using: &random) {
          case 0:
            Publication(job, to: .exchange("topic", ["x.y", "x.z", "z.y", "no"].randomElement(using: &random) ?? "no"))
          case 1: Publication(job, to: .exchange("all", ""))
          default:
            Publication(
              job, to: .queue(Self.queues.randomElement(using: &random) ?? "a"),
              notBefore: Bool.random(using: &random) ? clock.now + Double.random(in: 0...30, using: &random) : nil,
              unique: Bool.random(using: &random) ? .key("\(Int.random(in: 0..<40, using: &random))") : nil)
          }
        _ = try await broker.publish([publication])
      }
      // Consume a while, and settle in all ways but not everything.
      let queue = [Self.queues, ["a.dlq", "b.dlq", "c.dead"]].joined().randomElement(using: &random) ?? "a"
      let prefetch = Int.random(in: 1...8, using: &random)
      var dice = SeededGenerator(seed: random.next())
      let seeds = (0..<16).map { _ in dice.next() }
      completed += try await broker.consume(queue, prefetch: prefetch) { consumer in
        var completed = 0
        // After two turns of the writer, everything that can be handed out is here.
        for _ in 0..<2 { try await broker.writer.perform { _ in } }
        for number in 0..<(try await broker.status(queue).running ?? 0) {
          guard let delivery = await consumer.next() else { break }
          var dice = SeededGenerator(seed: seeds[number])
          var history = delivery.history
          history.attempts += 1
          switch Int.random(in: 0..<8, using: &dice) {
          case 0, 1:
            if try await broker.settle(delivery, as: .complete) == .settled { completed += 1 }
          case 2: _ = try await broker.settle(delivery, as: .retry(at: clock.now + 5, history))
          case 3: _ = try? await broker.settle(delivery, as: .deadLetter(.init(.exhausted, "x"), history))
          case 4: _ = try await broker.settle(delivery, as: .postpone(until: clock.now + 3))
          case 5: _ = try await broker.settle(delivery, as: .isolate)
          default: break
          }
        }
        return completed
      }
      // Operate.
      switch Int.random(in: 0..<10, using: &random) {
      case 0: _ = try await broker.replay(DeadLetterSelection(limit: Int.random(in: 1...5, using: &random)))
      case 1: gone += try await broker.deleteDeadLetters(DeadLetterSelection(limit: 1))
      case 2: if round % 10 == 9 { gone += try await broker.purge("a") }
      default: clock.advance(by: .seconds(Int.random(in: 1...10, using: &random)))
      }
      try await expectOrder(broker)
    }
    // What came in, less what was completed or deleted, is what is left. A parked message leaves one queue for another.
    let all = try await broker.queues()
    published = all.compactMap(\.totals?.published).reduce(0, +)
    let parked = all.compactMap(\.totals?.deadLettered).reduce(0, +)
    let left = all.map { $0.ready + ($0.delayed ?? 0) + ($0.running ?? 0) }.reduce(0, +)
    #expect(published - parked - completed - gone == left)
    #expect(all.compactMap(\.totals?.completed).reduce(0, +) == completed)
    #expect(published > 50)
  }
}
