import Foundation
import Testing
import Warren
import WarrenTesting

@testable import TutorGoMessaging

@Suite struct PublisherTests {
  private let settings = MessagingSettings()
  private let time = Date(timeIntervalSince1970: 1_800_000_000.25)
  private var created: BookingCreated {
    BookingCreated(
      bookingId: "booking-123", tutorId: "tutor-123", studentId: "student-123", subject: "Math", startTime: time,
      totalAmount: Money(cents: 4_999), timestamp: time)
  }

  private func publication(_ event: some EventMessage, _ settings: MessagingSettings) throws -> Publication {
    try settings.composer(source: "test").publication(of: event)
  }

  @Test("an event is flat JSON with the document's fields, on the document's exchange and key")
  func body() throws {
    let publication = try publication(created, settings)
    #expect(
      String(decoding: publication.message.body, as: UTF8.self)
        == #"{"bookingId":"booking-123","startTime":"2027-01-15T08:00:00.250Z","studentId":"student-123","subject":"Math","#
        + #""timestamp":"2027-01-15T08:00:00.250Z","totalAmount":49.99,"tutorId":"tutor-123"}"#)
    #expect(publication.destination == .exchange("tutorgo_events", "booking.created"))
    #expect(publication.message.name == "booking.created" && publication.message.contentType == "application/json")
  }

  @Test("the four events have the document's routing keys, and the refund is a job of its queue")
  func keys() throws {
    let cancelled = BookingCancelled(
      bookingId: "b", tutorId: "t", studentId: "s", subject: "Math", startTime: time, cancellationReason: nil,
      timestamp: time)
    let paid = PaymentCompleted(
      paymentId: "p", bookingId: "b", tutorId: "t", studentId: "s", totalAmount: Money(cents: 1), timestamp: time)
    let reviewed = ReviewSubmitted(
      reviewId: "r", bookingId: "b", tutorId: "t", studentId: "s", rating: 5, comment: nil, timestamp: time)
    #expect(
      [cancelled.routingKey, paid.routingKey, reviewed.routingKey] == [
        "booking.cancelled", "payment.completed", "review.submitted",
      ])
    let refund = try settings.composer(source: "test").publication(
      of: JobRequest(RefundPayment(bookingId: "b", paymentId: "p", amount: Money(cents: 5_000), reason: "ill")))
    #expect(refund.destination == .queue("payment.refund"))
    #expect(
      String(decoding: refund.message.body, as: UTF8.self)
        == #"{"amount":50,"bookingId":"b","paymentId":"p","reason":"ill"}"#)
    // What is urgent goes before what is not.
    #expect(try publication(cancelled, settings).message.priority > publication(created, settings).message.priority)
  }

  @Test("amounts are exact, and absurd ones are refused", arguments: ["50", "49.99", "0.1", "1e3"])
  func amounts(text: String) throws {
    let money = try JSONDecoder().decode(Money.self, from: Data(text.utf8))
    #expect(try JSONDecoder().decode(Money.self, from: JSONEncoder().encode(money)) == money)
    #expect(money.amount == Decimal(string: text))
    for bad in ["1.001", "1e30", "-1e300", "\"5\"", "null"] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(Money.self, from: Data(bad.utf8)) }
    }
  }

  @Test("the time to live of the settings is for events, not for refunds")
  func timeToLive() throws {
    var settings = settings
    settings.timeToLive = .seconds(60)
    let message = try publication(created, settings).message
    #expect(try #require(message.expiresAt).timeIntervalSince(try #require(message.timestamp)) == 60)
    let refund = try settings.composer(source: "test").publication(
      of: JobRequest(RefundPayment(bookingId: "b", paymentId: "p", amount: Money(cents: 1), reason: "")))
    #expect(refund.message.expiresAt == nil)
  }

  @Test("a publish is confirmed, to this exchange or another, with priority, time to live and trace")
  func options() async throws {
    let broker = try TestBroker()
    let publisher = EventPublisher(broker, settings: settings, source: "booking-service")
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    try await broker.withBroker { broker in
      try await broker.apply(Layout.topology(settings.exchange))
      let audit = Exchange.topic("audit")
      try await broker.apply(
        Topology(exchanges: [audit], queues: ["audit"], bindings: [Binding("audit", to: "audit", key: "#")]))
      #expect(try await publisher.publish(created).isStored)
      let receipt = try await publisher.publish(
        created, on: audit, priority: 9, timeToLive: .seconds(5),
        trace: RequestTrace(correlationID: "req-7", traceparent: parent))
      #expect(receipt.isStored)
      let message = broker.published[1].message
      #expect(message.priority == 9 && message.correlationID == "req-7" && message.headers["traceparent"] == parent)
      #expect(message.expiresAt == broker.clock.now.addingTimeInterval(5))
      #expect(try await broker.queue("audit")?.ready == 1)
      #expect(try await broker.queue("notification.booking")?.ready == 1)
      broker.inject(.publishFails(.full))
      await #expect(throws: BrokerError.self) { try await publisher.publish(created) }
    }
  }
}

@Suite struct CompressionTests {
  @Test("large bodies are packed by content_encoding, small ones are not")
  func threshold() throws {
    var settings = MessagingSettings()
    settings.compressAbove = 500
    func message(_ comment: String) throws -> Message {
      try settings.composer(source: "test").publication(
        of: ReviewSubmitted(
          reviewId: "r", bookingId: "b", tutorId: "t", studentId: "s", rating: 5, comment: comment, timestamp: .now)
      ).message
    }
    let small = try message("good")
    #expect(small.contentEncoding == nil)
    let large = try message(String(repeating: "good ", count: 200))
    #expect(large.contentEncoding == "gzip" && large.body.count < 400 && large.body.starts(with: [0x1F, 0x8B]))
  }
}
