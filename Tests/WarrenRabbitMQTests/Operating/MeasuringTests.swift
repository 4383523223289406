import Testing
import Warren
import WarrenOperations
import WarrenRabbitMQ

/// A measurement has a queue of its own, which goes with it.
@Suite(.serialized, .enabled(if: RealBroker.isThere, RealBroker.note))
struct MeasuringTests {
  @Test func eachMessageComesOnceAndTheQueueGoes() async throws {
    try await RabbitMQBroker(url: try #require(RealBroker.url)).withBroker { broker in
      let measurement = try await Operations(broker).measure(
        MeasurementPlan(messages: 300, batch: 7, concurrency: 3, samples: 5))
      #expect(measurement.isExact && measurement.handled == 305, "\(measurement)")
      #expect(measurement.latency.median > 0 && measurement.publishedPerSecond > 0)
      let queues = (try? await broker.queues()) ?? []
      #expect(queues.allSatisfy { !$0.name.rawValue.hasPrefix("bench-") })
    }
  }

  @Test func aCancelledMeasurementTakesItsQueueWithIt() async throws {
    try await RabbitMQBroker(url: try #require(RealBroker.url)).withBroker { broker in
      let operations = Operations(broker)
      let (began, first) = AsyncStream.makeStream(of: Int.self)
      let work = Task { try await operations.measure(MeasurementPlan(messages: 1_000_000)) { first.yield($0) } }
      for await handled in began where handled > 0 { break }
      work.cancel()
      let measurement = try await work.value
      #expect(measurement.published < 1_000_000 && measurement.repeated == 0)
      let queues = (try? await broker.queues()) ?? []
      #expect(queues.allSatisfy { !$0.name.rawValue.hasPrefix("bench-") })
    }
  }
}
