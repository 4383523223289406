import Foundation
import HTTPTypes
import Mail
import Testing
import TutorGoMessaging
import Warren
import WarrenTesting

@testable import tutorgo

@Suite struct NotificationServiceTests {
  private func contact(_ user: String, _ stage: Stage) async throws {
    let answer = try await stage.client.send(
      .put, "/users/\(user)", ["name": user, "email": "\(user)@example.org"], as: user)
    #expect(answer.status == .ok, "\(answer.message)")
  }

  @Test("notifications and addresses are private, and an address must be one")
  func isPrivate() async throws {
    try await Stage.set { stage in
      let client = stage.client
      #expect(try await client.send(.get, "/users/tutor-123/notifications").status == .forbidden)
      #expect(try await client.send(.get, "/users/tutor-123/notifications", as: nil).status == .unauthorized)
      for bad in ["", "no address", "a@b\r\nBcc: c@d.example", "@"] {
        let answer = try await client.send(.put, "/users/student-1", ["name": "S", "email": bad])
        #expect(answer.status == .badRequest && answer.message.hasPrefix("email"), "\(bad)")
      }
    }
  }

  @Test("each event tells each side once, whatever comes twice, though workers are killed")
  func once() async throws {
    try await Stage.set { stage in
      try await contact("student-1", stage)
      stage.broker.inject(.deliveredTwice("booking.created"))
      stage.broker.inject(.outcomeLost(of: "booking.created"))
      stage.broker.inject(.workerKilled(handling: "payment.completed"))
      let booking = try await stage.client.book()
      _ = try await stage.client.pay(booking)
      try await stage.settled()
      #expect(try await stage.subjects(of: "tutor-123").sorted() == ["New Booking Request", "Payment Received"])
      #expect(try await stage.subjects(of: "student-1").sorted() == ["Booking Created", "Payment Confirmed"])
      #expect(stage.mailer.mails.map(\.subject).sorted() == ["Booking Created", "Payment Confirmed"])
    }
  }

  @Test("when the second of two mails fails, the first is not sent again, and what is answered 4xx is tried after 2 s")
  func secondMailFails() async throws {
    try await Stage.set { stage in
      try await contact("student-1", stage)
      try await contact("tutor-123", stage)
      _ = try await stage.client.book()
      try await stage.settled()
      #expect(stage.mailer.mails.map(\.to.address) == ["tutor-123@example.org", "student-1@example.org"])
      stage.mailer.fail(MailError(.temporary, "451 later", replyCode: 451), times: 2)
      _ = try await stage.client.book(inHours: 60)
      try await stage.settled()
      #expect(stage.mailer.mails.count == 4)
      #expect(Set(stage.mailer.mails.map(\.id)).count == 4)
    }
  }

  @Test("a mail that keeps failing is a dead letter after the third retry, and is sent when it is replayed")
  func exhausted() async throws {
    try await Stage.set { stage in
      try await contact("student-1", stage)
      stage.mailer.fail(MailError(.temporary, "451 later", replyCode: 451), times: 4)
      _ = try await stage.client.book()
      try await stage.settled()
      let letter = try #require(try await stage.letters().first)
      #expect(letter.queue == "notification.booking.dead" && letter.history.failures.count == 4)
      #expect(stage.mailer.mails.isEmpty)
      #expect(try await stage.subjects(of: "student-1") == ["Booking Created"], "the notification itself is there")
      _ = try await stage.broker.replay(DeadLetterSelection())
      try await stage.settled()
      #expect(stage.mailer.mails.count == 1)
      #expect(try await stage.subjects(of: "student-1") == ["Booking Created"])
    }
  }

  @Test("a mail server that is away costs no attempt, and one that refuses for good makes a dead letter at once")
  func awayOrRefused() async throws {
    try await Stage.set { stage in
      try await contact("student-1", stage)
      stage.mailer.fail(MailError(.temporary, "connection refused"), times: 12)
      _ = try await stage.client.book()
      // The circuit breaker holds the queue as well, so the time has to go on for it.
      try await stage.broker.wait(for: "the mail") {
        stage.broker.advance(by: .seconds(1))
        return stage.mailer.mails.count == 1
      }
      stage.mailer.fail(MailError(.permanent, "550 no such user", replyCode: 550))
      _ = try await stage.client.book(inHours: 60)
      try await stage.settled()
      let letters = try await stage.letters()
      #expect(letters.count == 1 && letters[0].reason.detail.contains("550"))
    }
  }

  @Test("what is no event of ours is a dead letter with its reason, in the queue's own dead-letter queue")
  func undecodable() async throws {
    try await Stage.set { stage in
      let message = Message(id: "m", name: nil, body: Data(#"{"bookingId":"b"}"#.utf8))
      _ = try await stage.broker.publish([Publication(message, to: .exchange("tutorgo_events", "review.submitted"))])
      #expect(try await stage.broker.deadLettered("m").kind == .undecodable)
      #expect(try await stage.letters().map(\.queue) == ["notification.review.dead"])
    }
  }
}
