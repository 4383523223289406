internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// Which dead letters a page shows and its buttons act on. It lives in the address, so that it can be sent and survives an
/// action.
struct DeadLetterFilter: Sendable, Equatable {
  /// Where a field of the filter stands in addresses and forms, and how it is called on pages.
  static let names = ["q", "queue", "origin", "name", "reason", "error", "age", "group"]
  private var values: [String: String]

  init(_ fields: FormFields) {
    values = Dictionary(uniqueKeysWithValues: Self.names.compactMap { name in fields[name].map { (name, $0) } })
  }

  subscript(_ name: String) -> String? { values[name] }

  var isEmpty: Bool { values.isEmpty }
  var queue: QueueName? { values["queue"].map { QueueName($0) } }
  /// The fields, in their order.
  var list: [(String, String?)] { Self.names.compactMap { name in values[name].map { (name, $0) } } }

  func on(_ link: Link) -> Link { list.reduce(link) { $0.with($1.0, $1.1) } }

  /// As the engine takes it.
  func selection(_ call: Call, limit: Int) throws -> DeadLetterSelection {
    var filter = try values["q"].map { try Wanted.filter($0, in: queue, call) } ?? MessageFilter()
    if let error = values["error"] { filter.conditions.append(.init(.error, .contains(error))) }
    let now = call.desk.now
    var selection = DeadLetterSelection(
      queue: queue, origin: values["origin"].map { QueueName($0) }, name: values["name"].map { MessageName($0) },
      reason: values["reason"].map { DeadLetterReason.Kind(rawValue: $0) }, filter: filter,
      fingerprint: values["group"], limit: limit)
    if let age = values["age"] { selection.until = now.addingTimeInterval(-(try Self.age(age) / .seconds(1))) }
    return selection
  }

  /// The same filter with its ages as times, so that it finds the same when it is asked again.
  func frozen(_ call: Call) throws -> DeadLetterFilter {
    guard let text = values["q"] else { return self }
    var frozen = self
    frozen.values["q"] = try call.operations.filter(text).text
    return frozen
  }

  /// In words, for confirmations and the audit.
  var words: String {
    if isEmpty { return "all dead letters" }
    let parts = list.map { name, value in
      let value = value ?? ""
      return switch name {
      case "q": "that match \(value)"
      case "queue": "in \(value)"
      case "origin": "that \(value) gave up on"
      case "name": "named \(value)"
      case "reason": "parked as \(value)"
      case "group": "of the group \(value)"
      case "error": "whose error contains '\(value)'"
      default: "parked more than \(value) ago"
      }
    }
    return "dead letters " + parts.joined(separator: ", ")
  }

  private static func age(_ text: String) throws(Refusal) -> Duration {
    if let age = Duration(short: text.trimmingCharacters(in: .whitespaces)) { return age }
    throw Refusal(.badRequest, "'\(text.prefix(20))' is no age: write it as 90s, 15m, 2h or 3d")
  }
}
