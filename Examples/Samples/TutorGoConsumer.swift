// tutorgo.md, "Setting Up a Consumer". RABBITMQ_URL or WARREN_BROKER says where; a line on standard input ends it.
// swift run --package-path Examples TutorGoConsumer
import Foundation
import TutorGoMessaging
import Warren
import WarrenConnect

let environment = ProcessInfo.processInfo.environment
let address = environment["WARREN_BROKER"] ?? environment["RABBITMQ_URL"] ?? "amqp://localhost:5672"

// Create connection and consumer
let connection = try MessagingConnection(
  BrokerAddress(address), settings: MessagingSettings(environment: environment))
let consumer = EventConsumer(connection, name: "notification-service")

// Connect
try await connection.connect()

// Set up the queue with its dead-letter exchange (tutorgo_dlx, notification.booking.dead), and start consuming: 5 messages at
// once, 3 retries after 2, 4 and 8 s
try await consumer.consume {
  consumer.subscription(
    "notification.booking", to: "booking.created", "booking.cancelled", prefetch: 5,
    retry: .exponential(from: .milliseconds(2000), retries: 3)
  ) {
    On(BookingCreated.self) { event, _ in received("booking.created \(event.bookingId)") }
    On(BookingCancelled.self) { event, _ in received("booking.cancelled \(event.bookingId)") }
  }
}

_ = readLine()

// Stop consuming and disconnect when done
await consumer.stopAll()
await connection.disconnect()

func received(_ message: String) {
  print("Received message:", message)
  fflush(nil)
}
