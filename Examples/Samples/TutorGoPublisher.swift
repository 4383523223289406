// tutorgo.md, "Setting Up a Publisher". RABBITMQ_URL or WARREN_BROKER says where.
// swift run --package-path Examples TutorGoPublisher
import Foundation
import TutorGoMessaging
import Warren
import WarrenConnect

let environment = ProcessInfo.processInfo.environment
let address = environment["WARREN_BROKER"] ?? environment["RABBITMQ_URL"] ?? "amqp://localhost:5672"

// Create connection and publisher
let connection = try MessagingConnection(
  BrokerAddress(address), settings: MessagingSettings(environment: environment))
let publisher = EventPublisher(connection, source: "booking-service")

// Connect
try await connection.connect()

// Publish an event
let event = BookingCreated(
  bookingId: "booking-123", tutorId: "tutor-123", studentId: "student-123", subject: "Math", startTime: Date(),
  totalAmount: Money(cents: 5000), timestamp: Date())

let receipt = try await publisher.publish(event)
print("booking.created:", receipt.result)

// Disconnect when done
await connection.disconnect()
