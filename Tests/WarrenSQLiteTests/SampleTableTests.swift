import Foundation
import Testing
import Warren

@testable import WarrenSQLite

@Suite struct SampleTableTests {
  @Test func samplesAreThereAfterARestartAndTakeNoMoreRoomThanADay() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("b.db")
    let end = Date()
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(Topology(queues: ["q", "r"]))
      for hour in 0..<30 {
        let time = end - Double(29 - hour) * 3_600
        let sample = QueueSample(time: time, published: Double(hour) + 0.5, failed: nil, depth: hour, oldest: 1.25)
        try await broker.keep(sample, ["q": sample, "r": sample, "gone": sample])
      }
      #expect(try await broker.count("sample") == 3 * 24)
    }
    try await SQLiteBroker(path: path).withBroker { broker in
      for queue in [nil, "q"] as [QueueName?] {
        let samples = try await broker.samples(of: queue)
        #expect(samples.map(\.published) == (6..<30).map { Double($0) + 0.5 })
        #expect(samples.allSatisfy { $0.failed == nil && $0.oldest == 1.25 })
      }
      #expect(try await broker.samples(of: "gone").isEmpty)
      _ = try await broker.deleteQueue("r", withMessages: false)
      #expect(try await broker.count("sample") == 2 * 24, "those of a queue go with it")
    }
  }
}
