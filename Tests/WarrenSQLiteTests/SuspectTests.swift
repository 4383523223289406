import BrokerConformance
import Foundation
import Logging
import Testing

@testable import Warren
@testable import WarrenSQLite

/// A message that ends the process which handles it, and those that were with it.
@Suite struct SuspectTests {
  private let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

  /// Workers come and die, two at a time, until the killer is parked. What waited for its turn as a suspect answers for none of
  /// those deaths.
  @Test(.timeLimit(.minutes(2))) func aMessageThatKillsSeveralProcessesIsParkedAndTheOtherSuspectsAreSpared()
    async throws
  {
    let folder = try TemporaryFolder()
    let path = folder.path("b.db")
    let completed = Log<String>()
    let isOver = Watched(false)
    let observer = try SQLiteBroker(path: path)
    try await observer.withBroker { observer in
      try await observer.apply(Topology(queues: ["q"]))
      try await observer.put("killer", "a", "b", "c", to: "q")
      // Three times it takes all of them with it.
      for _ in 1...3 { try await live(path, completed, isOver) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 1...2 {
          group.addTask { while !isOver.value { try await live(path, completed, isOver) } }
        }
        let letters = try await firstAnswer("a dead letter") {
          let letters = try await observer.deadLetters(.init()).letters
          return (letters.isEmpty ? nil : letters, "none")
        }
        #expect(letters.map(\.text) == ["killer"])
        #expect(letters.map(\.reason.kind) == [.crashLooping])
        #expect(letters.map(\.history.interruptions) == [5])
        let spared = try await completed.next(3)
        #expect(Set(spared) == ["a 3", "b 3", "c 3"])
        isOver.withValue { $0 = true }
        try await group.waitForAll()
      }
      try await expectOrder(observer)
    }
  }

  /// One process: it ends when the killer is handled, or all is over.
  private func live(_ path: String, _ completed: Log<String>, _ isOver: Watched<Bool>) async throws {
    var configuration = SQLiteConfiguration()
    configuration.livenessInterval = .milliseconds(20)
    let broker = try SQLiteBroker(path: path, configuration: configuration)
    let begun = Watched(0)
    let isDead = Watched(false)
    let worker = try Worker(broker, name: "w", logger: quiet) {
      Subscription("q", on: .topic("e"), to: "#") {
        OnAny { message, context in
          let deaths = context.history.interruptions
          begun.withValue { $0 += 1 }
          if message.text == "killer" {
            if deaths < 3 { await begun.wait { $0 == 4 } }
            isDead.withValue { $0 = true }
          } else if deaths >= 3 {
            return completed.add("\(message.text) \(deaths)")
          }
          try await Task.sleep(for: .seconds(3600))
        }
      }.concurrency(4).prefetch(4)
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await broker.withBroker { _ in try await worker.run() } }
      group.addTask {
        await isDead.wait { $0 }
        broker.die()
      }
      group.addTask { await isOver.wait { $0 } }
      await group.next()
      group.cancelAll()
    }
  }

  /// A worker has one gate for all of its queues.
  @Test func suspectsOfTwoQueuesOfAWorkerRunOneAfterTheOther() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      let running = Watched(0)
      let seen = Log<Int>()
      func subscription(_ queue: Queue) -> Subscription {
        Subscription(queue, on: .topic("e"), to: "#") {
          OnAny { message, _ in
            let count = running.withValue { count in
              count += 1
              return count
            }
            for _ in 0..<50 { await Task.yield() }
            let isSuspect = message.text == "suspect"
            seen.add(isSuspect ? max(count, running.value) : 0)
            running.withValue { $0 -= 1 }
          }
        }.concurrency(4).prefetch(4)
      }
      let worker = try Worker(broker, name: "w", logger: quiet) {
        subscription("q")
        subscription("r")
      }
      try await broker.apply(worker.topology)
      // The same event in both.
      _ = try await broker.publish([Publication(message("suspect"), to: .exchange("e", "k"))])
      for queue: QueueName in ["q", "r"] {
        try await broker.consume(queue, prefetch: 1) { consumer in
          let delivery = try await consumer.mustNext()
          _ = try await broker.settle(delivery, as: .isolate)
        }
        try await broker.put("1", "2", "3", "4", to: queue)
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        let counts = try await seen.next(10)
        #expect(counts.filter { $0 > 0 } == [1, 1])
        group.cancelAll()
      }
    }
  }
}

extension Message {
  fileprivate var text: String { String(decoding: body, as: UTF8.self) }
}
extension DeadLetter {
  fileprivate var text: String { message.text }
}
