internal import Foundation
internal import GRDB

/// Reads a column as SQLite itself would convert it. GRDB's subscript ends the process where a foreign hand has left a value
/// of another kind; here it is a number or a text like any other, which ``FileCheck`` finds.
extension Row {
  func int(_ column: String) -> Int64 { optionalInt(column) ?? 0 }

  /// A number that counts something: never below 0, nor so large that a sum of them overflows.
  func count(_ column: String) -> Int { Int(Swift.min(Swift.max(0, int(column)), 1 << 48)) }

  func optionalInt(_ column: String) -> Int64? {
    switch (self[column] as DatabaseValue).storage {
    case .null: nil
    case .int64(let number): number
    case .double(let number): Int64(exactly: number.rounded(.towardZero)) ?? (number < 0 ? .min : .max)
    case .string(let text): Int64(text)
    case .blob: nil
    }
  }

  func data(_ column: String) -> Data {
    if case .blob(let data) = (self[column] as DatabaseValue).storage { return data }
    return Data(text(column).utf8)
  }

  func text(_ column: String) -> String { optionalText(column) ?? "" }

  func optionalText(_ column: String) -> String? {
    switch (self[column] as DatabaseValue).storage {
    case .null: nil
    case .int64(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text): text
    case .blob(let data): String(decoding: data, as: UTF8.self)
    }
  }
}
