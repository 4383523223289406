import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenTesting

@testable import WarrenOperations

@Suite("Samples of what queues do") struct SampleTests {
  private static let start = Date(timeIntervalSince1970: 1_700_000_040)

  private static func status(
    _ name: QueueName, published: Int = 0, completed: Int = 0, ready: Int = 0, oldest: Date? = nil
  ) -> QueueStatus {
    QueueStatus(
      name: name, ready: ready, delayed: 0, running: 0, oldest: oldest, isPaused: false, holdsDeadLetters: false,
      deadLetterQueue: nil, consumers: 1,
      totals: .init(published: published, completed: completed, retried: 0, deadLettered: 0))
  }

  @Test("a rate is what was counted between two looks; the first look knows none") func rates() {
    var taker = SampleTaker(.all)
    let first = taker.take([Self.status("a", published: 100)], at: Self.start)
    #expect(first["a"]?.published == nil && first["a"]?.depth == 0)
    let oldest = Self.start + 30
    let second = taker.take(
      [Self.status("a", published: 160, completed: 30, ready: 30, oldest: oldest), Self.status("b", published: 6)],
      at: Self.start + 60)
    #expect(second["a"]?.published == 1 && second["a"]?.completed == 0.5 && second["a"]?.oldest == 30)
    #expect(second["b"]?.published == 0.1, "a queue that was not there had nothing")
    let all = SampleTaker.all(second.values, at: Self.start + 60)
    #expect(all.published == 1.1 && all.depth == 30 && all.oldest == 30)
  }

  @Test("after a break, and of a queue that was declared anew, nothing is known of what happened") func unknown() {
    var taker = SampleTaker(.all)
    _ = taker.take([Self.status("a", published: 100)], at: Self.start)
    #expect(taker.take([Self.status("a", published: 500)], at: Self.start + 600)["a"]?.published == nil)
    #expect(taker.take([Self.status("a", published: 3)], at: Self.start + 660)["a"]?.published == nil)
    #expect(taker.take([Self.status("a", published: 9)], at: Self.start + 720)["a"]?.published == 0.1)
    #expect(taker.take([], at: Self.start + 780).isEmpty)
  }

  @Test("what no queue tells is unknown, and not 0") func nothingTold() {
    let one = QueueSample(time: Self.start, depth: 2)
    let all = SampleTaker.all([one, one], at: Self.start)
    #expect(all.published == nil && all.oldest == nil && all.depth == 4)
    #expect(SampleTaker.all([], at: Self.start).published == 0)
  }

  private func withFile(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("samples-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder.appendingPathComponent("history").path)
  }

  @Test("a file keeps them over the end of the process, for a day, and never grows") func file() async throws {
    let clock = VirtualClock()
    try await withFile { path in
      let begin = clock.now
      var sizes: Set<Int> = []
      for hour in 0..<30 {
        clock.advance(by: .seconds(3_600))
        let file = SampleFile(path: path, clock: clock)
        let sample = QueueSample(time: clock.now, published: Double(hour), completed: nil, depth: hour, oldest: 0.25)
        try await file.keep(sample, ["mail": sample, "seats/é": sample])
        if hour > 24 { sizes.insert(try Data(contentsOf: URL(fileURLWithPath: path)).count) }
      }
      let later = SampleFile(path: path, clock: clock)
      for queue in [nil, "mail", "seats/é"] as [QueueName?] {
        let samples = try await later.samples(of: queue)
        #expect(samples.map(\.published) == (6..<30).map { Double($0) }, "\(queue?.rawValue ?? "all")")
        #expect(samples.allSatisfy { $0.completed == nil && $0.oldest == 0.25 && $0.time > begin })
      }
      #expect(try await later.samples(of: "none").isEmpty)
      #expect(sizes.count == 1)
    }
  }

  @Test("a file has room for so many queues; one that is gone for a day makes room for another") func full()
    async throws
  {
    let clock = VirtualClock()
    try await withFile { path in
      let file = SampleFile(path: path, clock: clock)
      func sample() -> QueueSample { QueueSample(time: clock.now, published: 1) }
      let names = (1...Operations.sampledQueues).map { QueueName("q\($0)") }
      try await file.keep(nil, Dictionary(uniqueKeysWithValues: names.map { ($0, sample()) }))
      clock.advance(by: .seconds(3_600))
      try await file.keep(nil, ["one more": sample()])
      #expect(try await file.samples(of: "one more").isEmpty)
      #expect(try await file.samples(of: "q1000").count == 1)
      clock.advance(by: .seconds(86_400))
      try await file.keep(nil, ["one more": sample()])
      #expect(try await file.samples(of: "one more").count == 1, "and none of the queue before it")
    }
  }

  @Test("a broker is looked at once a minute, and its samples are there for the next process") func taking()
    async throws
  {
    let broker = try TestBroker()
    try await broker.withBroker { broker in
      try await broker.apply(try Topology(exchanges: [], queues: ["mail"], bindings: []))
      let operations = Operations(broker)
      let taking = Task { await operations.takeSamples() }
      try await broker.wait(for: "the first sample") { try await !operations.samples(of: "mail").isEmpty }
      for number in 1...3 {
        _ = try await broker.publish(
          (1...6).map { Publication(Message(id: "\(number)-\($0)", name: "m", body: Data()), to: .queue("mail")) })
        let known = try await operations.samples(of: nil).count
        try await broker.wait(for: "the next sample") {
          broker.advance(by: .seconds(1))
          return try await operations.samples(of: nil).count > known
        }
      }
      taking.cancel()
      await taking.value
      let all = try await operations.samples(of: nil)
      #expect(all.count == 4 && all[0].published == nil && all.last?.depth == 18)
      #expect(all.dropFirst().compactMap(\.published).allSatisfy { $0 > 0 })
    }
  }

  @Test("one process of all takes samples for a store") func one() async throws {
    try await withFile { path in
      let (first, second) = (SampleFile(path: path), SampleFile(path: path))
      let (stops, stop) = AsyncStream.makeStream(of: Void.self)
      let (begins, begun) = AsyncStream.makeStream(of: Int.self)
      let holder = Task {
        try await first.whileSampling {
          begun.yield(1)
          for await _ in stops { break }
        }
      }
      var order = begins.makeAsyncIterator()
      #expect(await order.next() == 1)
      let other = Task { try await second.whileSampling { begun.yield(2) } }
      other.cancel()
      await #expect(throws: (any Error).self) { try await other.value }
      stop.yield()
      try await holder.value
      try await second.whileSampling { begun.yield(3) }
      #expect(await order.next() == 3)
    }
  }
}
