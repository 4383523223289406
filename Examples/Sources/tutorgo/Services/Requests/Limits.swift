internal import ExampleSupport
internal import Foundation
internal import TutorGoMessaging

/// What fields of requests may hold.
enum Limits {
  static let id = 100
  static let name = 100
  static let subjects = 20
  static let text = 1_000
  static let body = 65_536
  static let hint = "texts take at most \(text) characters"
  static let highestAmount = 100_000.0

  /// A time of ISO 8601 with its zone.
  static func time(_ text: String, field: String) throws -> Date {
    for fraction in [false, true] {
      if let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: fraction)) {
        return date
      }
    }
    throw APIError.field(field, "must be a time with its zone, such as 2027-01-15T18:00:00Z")
  }

  /// An amount above zero with at most two decimals.
  static func money(_ amount: Double, field: String) throws -> Money {
    guard amount > 0, amount <= highestAmount else { throw APIError.field(field, "must be above 0 and at most 100000") }
    let cents = (amount * 100).rounded()
    guard abs(amount * 100 - cents) < 1e-6 else { throw APIError.field(field, "must have at most two decimals") }
    return Money(cents: Int64(cents))
  }
}
