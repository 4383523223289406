public import Foundation

/// An amount of money, in whole cents; in JSON a number with at most two decimals: 50 or 49.99.
public struct Money: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The amount in cents.
  public var cents: Int64

  /// An amount in cents.
  public init(cents: Int64) { self.cents = cents }

  /// An amount as people write it; `nil` when it has more than two decimals or is absurdly large.
  public init?(_ amount: Decimal) {
    var scaled = amount * 100
    var whole = Decimal()
    NSDecimalRound(&whole, &scaled, 0, .plain)
    guard whole == scaled, abs(whole) < 1_000_000_000_000 else { return nil }
    cents = NSDecimalNumber(decimal: whole).int64Value
  }

  /// The amount as people write it.
  public var amount: Decimal { Decimal(cents) / 100 }
  /// The amount as people write it.
  public var description: String { "\(amount)" }
  /// By amount.
  public static func < (a: Money, b: Money) -> Bool { a.cents < b.cents }
}

extension Money: Codable {
  /// Reads a number.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let money = Money(try container.decode(Decimal.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "an amount has at most two decimals and is below ten billion")
    }
    self = money
  }

  /// Writes a number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(amount)
  }
}
