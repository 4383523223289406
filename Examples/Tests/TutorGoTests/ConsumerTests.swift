import Foundation
import Synchronization
import Testing
import Warren
import WarrenConnect
import WarrenTesting

@testable import TutorGoMessaging

struct Broken: Error {}

@Suite struct ConsumerTests {
  private let settings = MessagingSettings()
  private func created(_ id: String) -> BookingCreated {
    BookingCreated(
      bookingId: id, tutorId: "t", studentId: "s", subject: "Math", startTime: .now, totalAmount: Money(cents: 5_000),
      timestamp: .now)
  }

  @Test("the queues, their bindings and dead letters are the document's, and one is of the schedule")
  func layout() throws {
    let topology = try Layout.topology(settings.exchange)
    #expect(topology.exchanges.map(\.name) == ["tutorgo_events", "tutorgo_dlx"])
    let names =
      ["notification.booking", "notification.payment", "notification.review", "payment.refund"]
      + ["booking.expire"]
    #expect(Set(topology.queues.map(\.name.rawValue)) == Set(names + names.map { $0 + ".dead" }))
    for name in names {
      let target = try #require(topology.queues.first { $0.name.rawValue == name }?.deadLetter)
      #expect(
        target.exchange?.name == "tutorgo_dlx" && target.key.rawValue == name + ".dead"
          && target.queue.rawValue == name + ".dead")
    }
    #expect(Layout.prefetch == 5 && Layout.retry.delays == [.seconds(2), .seconds(4), .seconds(8)])
  }

  @Test("a failed message is tried again after 2, 4 and 8 s in its own queue only, then it is a dead letter")
  func retries() async throws {
    let broker = try TestBroker()
    let tries = Mutex<[TimeInterval]>([])
    let others = Mutex(0)
    let begin = broker.clock.now
    let consumer = EventConsumer(broker, settings: settings, name: "test", logger: silent)
    let worker = try consumer.worker {
      consumer.subscription("notification.booking", to: "booking.created") {
        On(BookingCreated.self) { _, _ in
          tries.withLock { $0.append(broker.clock.now.timeIntervalSince(begin)) }
          throw Broken()
        }
      }
      consumer.subscription("analytics", to: "booking.created") {
        On(BookingCreated.self) { _, _ in others.withLock { $0 += 1 } }
      }
    }
    try await broker.working(worker) {
      let receipt = try await EventPublisher(broker, settings: settings, source: "test").publish(created("b"))
      try await broker.runUntilIdle()
      #expect(tries.withLock { $0 } == [0, 2, 6, 14])
      #expect(others.withLock { $0 } == 1)
      let letter = try #require(try await broker.deadLetters(DeadLetterSelection()).letters.first)
      #expect(letter.queue == "notification.booking.dead" && letter.origin == "notification.booking")
      #expect(letter.message.id == receipt.id)
    }
  }

  @Test("no more than five are with the handlers at once")
  func prefetch() async throws {
    let broker = try TestBroker()
    let running = Mutex((now: 0, most: 0))
    let consumer = EventConsumer(broker, settings: settings, name: "test", logger: silent)
    let gate = AsyncStream.makeStream(of: Void.self)
    let worker = try consumer.worker {
      consumer.subscription("notification.booking", to: "booking.created") {
        On(BookingCreated.self) { _, _ in
          running.withLock { running in
            running.now += 1
            running.most = max(running.most, running.now)
          }
          for await _ in gate.stream { break }
          running.withLock { $0.now -= 1 }
        }
      }
    }
    try await broker.working(worker) {
      let publisher = EventPublisher(broker, settings: settings, source: "test")
      for number in 0..<20 { try await publisher.publish(created("b\(number)")) }
      try await broker.wait(for: "five are handled") { running.withLock { $0.now } == 5 }
      #expect(try await broker.queue("notification.booking")?.ready == 15)
      gate.continuation.finish()
      try await broker.runUntilIdle()
      #expect(running.withLock { $0.most } == 5)
    }
  }

  @Test("a message of a publisher that is not ours, flat, packed, without id and type, is handled")
  func foreign() async throws {
    let broker = try TestBroker()
    let seen = Mutex<[String]>([])
    let consumer = EventConsumer(broker, settings: settings, name: "test", logger: silent)
    let worker = try consumer.worker {
      consumer.subscription("notification.booking", to: "booking.created", "booking.cancelled") {
        On(BookingCreated.self) { event, context in
          seen.withLock { $0.append("created \(event.totalAmount) \(context.message.id?.rawValue ?? "")") }
        }
        On(BookingCancelled.self) { event, _ in
          seen.withLock { $0.append("cancelled \(event.bookingId) \(event.cancellationReason ?? "")") }
        }
      }
    }
    let created =
      #"{"bookingId":"booking-123","tutorId":"tutor-123","studentId":"student-123","subject":"Math","startTime":"2027-01-15T08:00:00.000Z","totalAmount":50,"timestamp":"2027-01-01T08:00:00.000Z"}"#
    let cancelled = created.replacing("\"totalAmount\":50", with: "\"cancellationReason\":\"ill\"")
    let packed = Message(
      id: nil, name: nil, body: try #require(Compression.gzip(above: 0).packed(Data(created.utf8))),
      contentEncoding: "gzip")
    let plain = Message(id: nil, name: nil, body: Data(cancelled.utf8), contentType: nil)
    let bomb = Message(
      id: "bomb", name: nil, body: try #require(Compression.gzip().packed(Data(count: 40 << 20))),
      contentEncoding: "gzip")
    try await broker.working(worker) {
      _ = try await broker.publish([
        Publication(packed, to: .exchange("tutorgo_events", "booking.created")),
        Publication(plain, to: .exchange("tutorgo_events", "booking.cancelled")),
        Publication(bomb, to: .exchange("tutorgo_events", "booking.created")),
      ])
      #expect(try await broker.deadLettered("bomb").detail.contains("larger than"))
      try await broker.runUntilIdle()
      let all = seen.withLock { $0.sorted() }
      #expect(all.count == 2 && all[0] == "cancelled booking-123 ill")
      #expect(all[1].hasPrefix("created 50"))
    }
  }

  @Test("the document's example: connect, set up, publish, consume, stop, disconnect")
  func example() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "warren-tutorgo-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let connection = try MessagingConnection(
      BrokerAddress("sqlite:\(folder.appending(path: "broker.db").path)"), logger: silent)
    try await connection.connect()
    let consumer = EventConsumer(connection, name: "notification-service", logger: silent)
    let (received, continuation) = AsyncStream.makeStream(of: String.self)
    try await consumer.consume {
      consumer.subscription("notification.booking", to: "booking.created", "booking.cancelled") {
        On(BookingCreated.self) { event, _ in continuation.yield(event.bookingId) }
        OnAny { _, _ in }
      }
    }
    try await EventPublisher(connection, source: "booking-service").publish(created("booking-123"))
    for await id in received {
      #expect(id == "booking-123")
      break
    }
    await consumer.stopAll()
    #expect(try await connection.broker.queue("notification.booking")?.consumers == 0)
    await connection.disconnect()
    await #expect(throws: BrokerError.self) {
      try await EventPublisher(connection, source: "x").publish(created("late"))
    }
  }
}
