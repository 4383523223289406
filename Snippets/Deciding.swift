// What becomes of a message whose handler throws.
import Foundation
import Warren

struct InvalidAddress: Error {}
struct TooManyRequests: Error { var retryAfter: Duration }

let policy = RetryPolicy.exponential(from: .seconds(1), retries: 3)  // after 1, 2 and 4 s
  .jitter(0.2)
  .on(InvalidAddress.self) { .deadLetter("\($0)") }
  .on(TooManyRequests.self) { .postpone(for: $0.retryAfter) }  // costs no attempt

struct Maintenance: OutcomeError {
  var until: Date
  var outcome: Outcome { .postpone(until: until) }  // costs no attempt
}

func handle(address: String) throws {
  guard address.contains("@") else { throw Outcome.deadLetter("no address: \(address)") }
}
