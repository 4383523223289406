import Foundation
import HTTPTypes
import Testing
import TutorGoMessaging
import Warren
import WarrenGRDB
import WarrenTesting

@testable import tutorgo

@Suite struct TutorServiceTests {
  @Test("a completed lesson is reviewed once, by its student, and the tutor is told")
  func reviews() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let booking = try await client.book(inHours: 30)
      _ = try await client.pay(booking)
      func review(_ rating: Any, as user: String = "student-1") async throws -> Client.Answer {
        try await client.send(
          .post, "/reviews", ["bookingId": booking, "rating": rating, "comment": "Clear"], as: user)
      }
      #expect(try await review(5).code == "not_completed")
      stage.broker.advance(by: .seconds(32 * 3600))
      try await client.send(.patch, "/bookings/\(booking)", ["status": "completed"], as: "tutor-123")
      for wrong in [0, 6, -1, 4.5, 1e30, "5"] as [Any] {
        #expect(try await review(wrong).message.hasPrefix("rating"), "\(wrong)")
      }
      #expect(try await review(5, as: "tutor-123").status == .forbidden)
      #expect(try await review(4).status == .created)
      #expect(try await review(4).code == "already_reviewed")
      try await stage.settled()
      let event = try #require(try stage.broker.published(ReviewSubmitted.self, codec: FlatCodec()).first)
      #expect(event.rating == 4 && event.comment == "Clear" && event.tutorId == "tutor-123")
      #expect(try await stage.subjects(of: "tutor-123").last == "New Review Received")
      let profile = try await client.send(.get, "/tutors/tutor-123")
      #expect(profile.json["averageRating"] as? Double == 4 && profile.list("reviews").count == 1)
    }
  }

  @Test("tutors say themselves what they teach and what it costs")
  func offers() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let offer: [String: Any] = ["name": "Emmy", "subjects": ["Algebra"], "hourlyRate": 79.99]
      #expect(try await client.send(.put, "/tutors/emmy", offer).status == .forbidden)
      #expect(try await client.send(.put, "/tutors/emmy", offer, as: "emmy").status == .ok)
      for (field, value) in [("hourlyRate", -1), ("hourlyRate", 0), ("subjects", []), ("name", "")] as [(String, Any)] {
        let answer = try await client.send(.put, "/tutors/emmy", offer.merging([field: value]) { $1 }, as: "emmy")
        #expect(answer.status == .badRequest && answer.message.hasPrefix(field))
      }
      var lesson = client.lesson(inHours: 48, lasting: 0.5)
      lesson["tutorId"] = "emmy"
      lesson["subject"] = "Algebra"
      #expect(try await client.send(.post, "/bookings", lesson).json["totalAmount"] as? Double == 40)
      #expect(try await client.send(.post, "/bookings", lesson, as: "emmy").status == .badRequest)
    }
  }
}
