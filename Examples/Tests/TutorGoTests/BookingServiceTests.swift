import Foundation
import HTTPTypes
import Testing
import TutorGoMessaging
import Warren
import WarrenGRDB
import WarrenTesting

@testable import tutorgo

@Suite struct BookingServiceTests {
  @Test("a booking is answered at once, published, and both sides are told")
  func books() async throws {
    try await Stage.set { stage in
      var lesson = stage.client.lesson(inHours: 48)
      lesson["totalAmount"] = 50
      let answer = try await stage.client.send(.post, "/bookings", lesson, headers: ["x-correlation-id": "req-7"])
      #expect(answer.status == .created && answer.text("status") == "pending")
      #expect(answer.json["totalAmount"] as? Double == 50)
      #expect(answer.headers[.init("x-correlation-id")!] == "req-7")
      try await stage.settled()
      let event = try #require(try stage.broker.published(BookingCreated.self, codec: FlatCodec()).first)
      #expect(event.bookingId == answer.text("bookingId") && event.totalAmount == Money(cents: 5_000))
      #expect(stage.broker.published[0].message.correlationID == "req-7")
      #expect(try await stage.subjects(of: "tutor-123") == ["New Booking Request"])
      #expect(try await stage.subjects(of: "student-1") == ["Booking Created"])
    }
  }

  @Test("no slot is taken twice, by any overlap, and is free again after a cancellation")
  func slots() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let first = try await client.book(inHours: 48)
      for hours in [47.5, 48, 48.5] {
        let other = try await client.send(.post, "/bookings", client.lesson(inHours: hours), as: "student-2")
        #expect(other.status == .conflict && other.code == "slot_taken")
      }
      _ = try await client.book(inHours: 49, as: "student-2")
      _ = try await client.book(inHours: 47, as: "student-3")
      #expect(try await client.send(.delete, "/bookings/\(first)").status == .ok)
      _ = try await client.book(inHours: 48, as: "student-4")
    }
  }

  @Test("a hundred callers for one slot: one gets it")
  func race() async throws {
    try await Stage.set { stage in
      let lesson = stage.client.lesson(inHours: 48)
      let body = try JSONSerialization.data(withJSONObject: lesson)
      let booked = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<100 {
          group.addTask {
            let lesson = try JSONSerialization.jsonObject(with: body) as? [String: Any]
            return try await stage.client.send(.post, "/bookings", lesson, as: "student-\(number)").status == .created
          }
        }
        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(booked == 1)
    }
  }

  @Test("a lesson is cancelled 24 hours before at the latest, once, by its own people")
  func cancellation() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let soon = try await client.book(inHours: 22.9)
      #expect(try await client.send(.delete, "/bookings/\(soon)").code == "too_late")
      let later = try await client.book(inHours: 24.1)
      #expect(try await client.send(.delete, "/bookings/\(later)", as: "stranger").status == .notFound)
      let answer = try await client.send(.delete, "/bookings/\(later)?reason=ill", as: "tutor-123")
      #expect(answer.text("status") == "cancelled" && answer.text("cancellationReason") == "ill")
      #expect(try await client.send(.delete, "/bookings/\(later)").code == "not_open")
      try await stage.settled()
      let events = try stage.broker.published(BookingCancelled.self, codec: FlatCodec())
      #expect(events.map(\.cancellationReason) == ["ill"])
      #expect(try stage.broker.published(RefundPayment.self, codec: FlatCodec()).isEmpty, "nothing was paid")
    }
  }

  @Test("pending → confirmed → completed, each in its time, by the tutor")
  func states() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let id = try await client.book(inHours: 48)
      func change(_ status: String, as user: String = "tutor-123") async throws -> Client.Answer {
        try await client.send(.patch, "/bookings/\(id)", ["status": status], as: user)
      }
      #expect(try await change("completed").code == "not_possible")
      #expect(try await change("confirmed", as: "student-1").status == .forbidden)
      #expect(try await change("confirmed").text("status") == "confirmed")
      #expect(try await change("confirmed").code == "not_possible")
      #expect(try await change("completed").code == "not_over")
      #expect(try await change("cancelled").status == .badRequest)
      stage.broker.advance(by: .seconds(49 * 3600))
      #expect(try await change("completed").text("status") == "completed")
      #expect(try await client.send(.delete, "/bookings/\(id)").code == "not_open")
    }
  }

  @Test("what was neither paid nor confirmed in time is cancelled by a schedule, once, and both are told")
  func expiry() async throws {
    try await Stage.set { stage in
      let (client, broker) = (stage.client, stage.broker)
      let late = try await client.book(inHours: 2)
      let paid = try await client.book(inHours: 4, as: "student-2")
      _ = try await client.pay(paid, as: "student-2")
      let later = try await client.book(inHours: 30, as: "student-3")
      try await stage.settled()
      let records = DatabaseStore(stage.store.database, clock: broker.clock)
      let scheduler = try ExpiryHandler.scheduler(
        EventBus(broker, stage.store.outbox.composer), records, logger: silent)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await scheduler.run() }
        try await broker.wait(for: "the schedule is known") {
          try await !Schedules(records, clock: broker.clock).all().isEmpty
        }
        // Sixty ticks pass while the process sleeps: one run makes them good.
        broker.advance(by: .seconds(5 * 3600))
        try await broker.wait(for: "the cancellation") {
          try !broker.published(BookingCancelled.self, codec: FlatCodec()).isEmpty
        }
        try await stage.settled()
        group.cancelAll()
      }
      #expect(try broker.published(ExpireBookings.self, codec: FlatCodec()).count == 1)
      let events = try broker.published(BookingCancelled.self, codec: FlatCodec())
      #expect(events.map(\.bookingId) == [late])
      #expect(try await client.send(.get, "/bookings/\(late)").text("status") == "cancelled")
      #expect(try await client.send(.get, "/bookings/\(paid)", as: "student-2").text("status") == "confirmed")
      #expect(try await client.send(.get, "/bookings/\(later)", as: "student-3").text("status") == "pending")
      #expect(try await stage.subjects(of: "student-1").contains("Booking Cancelled"))
      #expect(try await stage.subjects(of: "tutor-123").contains("Booking Cancelled"))
    }
  }

  @Test("wrong input is a 4xx that names the field, and leaves nothing behind")
  func badInput() async throws {
    try await Stage.set { stage in
      let client = stage.client
      let lesson = client.lesson(inHours: 48)
      let wrong: [(String, Any)] = [
        ("tutorId", 7), ("tutorId", ""), ("subject", "Alchemy"), ("subject", String(repeating: "x", count: 101)),
        ("startTime", "tomorrow"), ("startTime", "2020-01-01T00:00:00Z"), ("startTime", "9999-01-01T00:00:00Z"),
        ("endTime", lesson["startTime"]!), ("endTime", "2027-01-18"), ("totalAmount", 49), ("totalAmount", -50),
        ("totalAmount", 1e300), ("totalAmount", 50.001), ("totalAmount", "50"),
      ]
      for (field, value) in wrong {
        let answer = try await client.send(.post, "/bookings", lesson.merging([field: value]) { $1 })
        #expect(answer.status == .badRequest, "\(field) \(value)")
        let mayName = field == "startTime" ? ["startTime", "endTime"] : [field]
        #expect(mayName.contains { answer.message.hasPrefix($0) }, "\(field) \(value): \(answer.message)")
      }
      for field in ["tutorId", "subject", "startTime", "endTime"] {
        var body = lesson
        body[field] = nil
        #expect(try await client.send(.post, "/bookings", body).message == "\(field) is missing")
      }
      #expect(try await client.send(.post, "/bookings", lesson, as: nil).status == .unauthorized)
      #expect(
        try await client.send(.post, "/bookings", lesson.merging(["studentId": "other"]) { $1 }).status == .forbidden)
      #expect(
        try await client.send(.post, "/bookings", lesson.merging(["tutorId": "unknown"]) { $1 }).status == .notFound)
      #expect(try await client.send(.get, "/bookings").list("bookings").isEmpty)
      #expect(try await stage.store.outbox.status().waiting == 0 && stage.broker.published.isEmpty)
    }
  }
}
