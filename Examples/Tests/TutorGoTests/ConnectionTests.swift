import Foundation
import Synchronization
import Testing
import Warren
import WarrenConnect

@testable import TutorGoMessaging

/// A clock that does not wait, and notes for how long it was to.
final class NotingClock: BrokerClock {
  private let state = Mutex((now: Date(timeIntervalSince1970: 1_800_000_000), pauses: [TimeInterval]()))
  var now: Date { state.withLock { $0.now } }
  var pauses: [TimeInterval] { state.withLock { $0.pauses } }
  func sleep(until time: Date) async throws {
    state.withLock { state in
      state.pauses.append(time.timeIntervalSince(state.now))
      state.now = time
    }
  }
}

@Suite struct ConnectionTests {
  @Test("the settings are the document's unless the environment says something else")
  func settings() throws {
    let defaults = try MessagingSettings(environment: [:])
    #expect(defaults.exchange == .topic("tutorgo_events"))
    #expect(defaults.connectPauses == [.seconds(2), .seconds(4), .seconds(8), .seconds(16), .seconds(32)])
    let own = try MessagingSettings(environment: [
      "RABBITMQ_EXCHANGE": "lessons", "RABBITMQ_RETRY_ATTEMPTS": "2", "RABBITMQ_RETRY_DELAY": "100",
      "RABBITMQ_MESSAGE_TTL": "60000", "RABBITMQ_COMPRESS_ABOVE": "1024",
    ])
    #expect(own.exchange == .topic("lessons") && own.connectPauses == [.milliseconds(100), .milliseconds(200)])
    #expect(own.timeToLive == .seconds(60) && own.compressAbove == 1024)
    #expect(try MessagingSettings(environment: ["RABBITMQ_RETRY_ATTEMPTS": ""]).retryAttempts == 5)
  }

  @Test(
    "a setting that cannot be is refused by its name",
    arguments: [
      ("RABBITMQ_RETRY_ATTEMPTS", "-1"), ("RABBITMQ_RETRY_ATTEMPTS", "five"), ("RABBITMQ_RETRY_DELAY", "0"),
      ("RABBITMQ_RETRY_DELAY", "99999999999999999999"), ("RABBITMQ_MESSAGE_TTL", "1.5"),
      ("RABBITMQ_EXCHANGE", "amq.topic"),
    ])
  func badSettings(name: String, value: String) {
    let error = #expect(throws: MessagingError.self) { try MessagingSettings(environment: [name: value]) }
    #expect(error?.description.hasPrefix(name) == true)
  }

  private struct Refusals {
    var left: Int
    mutating func next() -> Bool {
      left -= 1
      return left >= 0
    }
  }

  @Test("a first connection is tried again after pauses that double")
  func retries() async throws {
    let clock = NotingClock()
    let refusals = Mutex(Refusals(left: 3))
    try await MessagingConnection.attempt(MessagingSettings().connectPauses, clock, silent, at: "amqp://test") {
      if refusals.withLock({ $0.next() }) { throw BrokerError(.unavailable, "connection refused") }
    }
    #expect(clock.pauses == [2, 4, 8])
  }

  @Test("after the last attempt the error says how often, where, why, and what to do")
  func givesUp() async throws {
    let clock = NotingClock()
    let error = await #expect(throws: MessagingError.self) {
      try await MessagingConnection.attempt(MessagingSettings().connectPauses, clock, silent, at: "amqp://test") {
        throw BrokerError(.unavailable, "connection refused")
      }
    }
    #expect(clock.pauses == [2, 4, 8, 16, 32])
    let text = error?.description ?? ""
    for part in ["6 attempts", "amqp://test", "connection refused", "RABBITMQ_RETRY_ATTEMPTS"] {
      #expect(text.contains(part))
    }
  }

  @Test("what another try cannot correct ends it at once")
  func final() async throws {
    let clock = NotingClock()
    await #expect(throws: BrokerError.self) {
      try await MessagingConnection.attempt(MessagingSettings().connectPauses, clock, silent, at: "amqp://test") {
        throw BrokerError(.topologyConflict, "the exchange is a fanout")
      }
    }
    #expect(clock.pauses.isEmpty)
  }

  @Test("a port that nothing listens at is tried as often as the settings say")
  func refusedPort() async throws {
    let clock = NotingClock()
    let connection = try MessagingConnection(
      BrokerAddress("amqp://127.0.0.1:1"),
      settings: try MessagingSettings(environment: ["RABBITMQ_RETRY_ATTEMPTS": "2"]),
      clock: clock, logger: silent)
    let error = await #expect(throws: MessagingError.self) { try await connection.connect() }
    #expect(clock.pauses == [2, 4] && error?.description.contains("refused") == true)
  }
}
