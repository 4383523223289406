// A dead letter of the queue mails, parked at 2027-01-15T09:00:00Z:
// exhausted: MailError: 451 later
// What stands as *** was hidden.
import Foundation
import Testing
import Warren
import WarrenTesting

/// Put the worker of your program here, with what its handlers need. The test fails as the message did, until that is corrected.
private func worker(on broker: TestBroker) throws -> Worker {
  try Worker(broker, name: "test") {
    Subscription(Queue("mails")) {
      OnAny { _, _ in throw Outcome.deadLetter("put the worker of your program into this test") }
    }
  }
}

func deadLetterMail7IsHandled() async throws {
  let json = ##"""
    {
      "contentType" : "application/json",
      "headers" : {
        "tenant" : "a"
      },
      "id" : "mail-7",
      "name" : "mail.send",
      "source" : "shop",
      "text" : "{\"to\":\"ann@example.org\",\"password\":\"***\",\"text\":\"a \\\"quote\\\"# and \\\\#(x)\"}",
      "timestamp" : 1800000000000,
      "version" : 1
    }
    """##
  let message = try JSONDecoder().decode(Message.self, from: Data(json.utf8))
  // The clock stands at the time when it was published.
  let clock = VirtualClock(now: Date(timeIntervalSince1970: 1800000000.0))
  let broker = try TestBroker(clock: clock)
  try await broker.working(worker(on: broker)) {
    _ = try await broker.publish([Publication(message, to: .queue("mails"))])
    #expect(try await broker.reason(of: "mail-7") == nil)
  }
}
