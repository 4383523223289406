import Foundation
import HTTPTypes
import Testing
import TutorGoMessaging
import Warren
import WarrenGRDB
import WarrenTesting

@testable import tutorgo

@Suite struct PaymentServiceTests {
  @Test("a payment confirms its booking, once, and both sides are told")
  func pays() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let booking = try await client.book()
      #expect(try await client.send(.post, "/payments", ["bookingId": booking, "amount": 49]).status == .badRequest)
      #expect(try await client.send(.post, "/payments", ["bookingId": booking], as: "tutor-123").status == .forbidden)
      #expect(try await client.send(.post, "/payments", ["bookingId": "none"]).status == .notFound)
      _ = try await client.pay(booking)
      #expect(try await client.send(.post, "/payments", ["bookingId": booking]).code == "already_paid")
      #expect(try await client.send(.get, "/bookings/\(booking)").text("status") == "confirmed")
      try await stage.settled()
      #expect(try await stage.subjects(of: "tutor-123").contains("Payment Received"))
      #expect(try await stage.subjects(of: "student-1").contains("Payment Confirmed"))
    }
  }

  @Test("a paid booking's cancellation is refunded once, however often the job comes, and the payment shows it")
  func refunds() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let booking = try await client.book()
      let payment = try await client.pay(booking)
      stage.broker.inject(.deliveredTwice("payment.refund"))
      stage.broker.inject(.workerKilled(handling: "payment.refund"))
      try await client.send(.delete, "/bookings/\(booking)?reason=ill")
      try await stage.settled()
      let job = try #require(try stage.broker.published(RefundPayment.self, codec: FlatCodec()).first)
      #expect(job == RefundPayment(bookingId: booking, paymentId: payment, amount: Money(cents: 5_000), reason: "ill"))
      let shown = try await client.send(.get, "/payments/\(payment)")
      #expect(shown.text("status") == "refunded" && shown.text("refundReason") == "ill")
      #expect(shown.json["refundedAmount"] as? Double == 50)
      // The same refund under another id changes nothing either.
      stage.broker.advance(by: .seconds(60))
      let again = try stage.store.outbox.composer.publication(of: JobRequest(job, id: "another"))
      _ = try await stage.broker.publish([again])
      try await stage.broker.completed("another")
      #expect(try await client.send(.get, "/payments/\(payment)").text("refundedAt") == shown.text("refundedAt"))
      #expect(try await client.send(.get, "/payments/\(payment)", as: "stranger").status == .notFound)
    }
  }

  @Test("a refund that fits no payment is a dead letter in payment.refund.dead, at once")
  func misfits() async throws {
    try await Stage.set { stage in
      let booking = try await stage.client.book()
      let payment = try await stage.client.pay(booking)
      let jobs = [
        RefundPayment(bookingId: booking, paymentId: "none", amount: Money(cents: 1), reason: ""),
        RefundPayment(bookingId: booking, paymentId: payment, amount: Money(cents: 5_001), reason: ""),
        RefundPayment(bookingId: booking, paymentId: payment, amount: Money(cents: -1), reason: ""),
        RefundPayment(bookingId: "other", paymentId: payment, amount: Money(cents: 1), reason: ""),
      ]
      for (number, job) in jobs.enumerated() {
        let publication = try stage.store.outbox.composer.publication(
          of: JobRequest(job, id: MessageID("job-\(number)")))
        _ = try await stage.broker.publish([publication])
        #expect(try await stage.broker.deadLettered(MessageID("job-\(number)")).kind == .rejected)
      }
      #expect(Set(try await stage.letters().map(\.queue)) == ["payment.refund.dead"])
      #expect(try await stage.client.send(.get, "/payments/\(payment)").text("status") == "completed")
    }
  }
}
