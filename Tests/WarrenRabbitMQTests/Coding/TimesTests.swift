import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// A delay can come from anywhere, such as the `Retry-After` of another service: no time is so absurd that it ends the process.
@Suite("A17: absurd times") struct TimesTests {
  private static let absurd: [Date] = [0, 1e16, -1e16, 9.3e15, 1e300, -1e300, .infinity, -.infinity, .nan].map {
    Date(timeIntervalSince1970: $0)
  }

  @Test("A date is whole milliseconds, never a trap") func dates() {
    let bound: Int64 = 8_640_000_000_000_000
    for date in Self.absurd {
      let (nearest, next) = (date.milliseconds, date.millisecondsRoundedUp)
      #expect((-bound...bound).contains(nearest) && (-bound...bound).contains(next))
      let delay = Delays.milliseconds(from: Date(timeIntervalSince1970: 0), until: date)
      #expect(delay >= 0)
      var message = Message(id: "1", name: "test.thing", body: Data())
      message.timestamp = date
      message.expiresAt = date
      for now in Self.absurd { _ = message.properties(now: now) }
      let failure = Failure(time: date, attempt: 1, error: "e", message: "m", worker: "w")
      _ = message.properties(now: nil, History(failures: [failure]))
    }
  }

  @Test("A duration is whole milliseconds, never a trap") func durations() {
    let all: [Duration] = [.seconds(Int64.max), .seconds(Int64.min), .nanoseconds(1), .zero, .milliseconds(1500)]
    #expect(all.map(\.milliseconds) == [.max, .min, 1, 0, 1500])
    for time in all {
      var queue = Queue("q")
      queue.timeToLive = time
      _ = try? Arguments.of(queue)
    }
  }

  @Test("The number in a foreign header is any number") func headers() {
    for number in [Int64.max, .min, 0] { #expect(!Date(milliseconds: number).formatted(.iso8601).isEmpty) }
    for number in [UInt64.max, 0, 1 << 40] { #expect(!Date(amqp: number).formatted(.iso8601).isEmpty) }
  }

  @Test("On a broker they are stored, and a retry of them too", .enabled(if: RealBroker.isThere, RealBroker.note))
  func onABroker() async throws {
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      var message = Message(id: "1", name: "test.thing", body: Data("x".utf8))
      message.expiresAt = Date(timeIntervalSince1970: 1e17)
      message.timestamp = Date(timeIntervalSince1970: 1e17)
      let results = try await broker.publish(
        [9.3e15, 1e300, .infinity].map {
          Publication(message, to: .queue(queue), notBefore: Date(timeIntervalSince1970: $0))
        } + [Publication(message, to: .queue(queue))])
      #expect(results.allSatisfy { $0.isStored })
      try await broker.consume(queue, prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        let late = Date().addingTimeInterval(Duration.seconds(Int64.max).seconds)
        let result = try await broker.settle(delivery, as: .retry(at: late, delivery.history))
        #expect(result == .settled)
      }
    }
  }
}

extension Message {
  fileprivate func properties(now: Date?, _ history: History) -> Int {
    var headers = properties(now: now).headers ?? [:]
    history.write(to: &headers)
    return headers.count
  }
}
