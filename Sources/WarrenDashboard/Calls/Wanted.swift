internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// What a request is about, read from its fields.
enum Wanted {
  static func queue(_ fields: FormFields) throws(Refusal) -> QueueName {
    guard let name = fields["name"] else {
      throw Refusal(.badRequest, "the address does not say which queue: add ?name=…")
    }
    return QueueName(name)
  }

  /// A number of messages; `nil` where the field is empty.
  static func number(_ name: String, _ fields: FormFields) throws(Refusal) -> Int? {
    guard let text = fields[name] else { return nil }
    guard let number = Int(text), number > 0 else {
      throw Refusal(.badRequest, "'\(text.prefix(20))' is no number of messages: \(name) must be 1 or more")
    }
    return number
  }

  /// How many a second; `nil` where the field is empty.
  static func rate(_ fields: FormFields) throws(Refusal) -> Double? {
    guard let text = fields["rate"] else { return nil }
    guard let rate = Double(text), rate.isFinite, rate > 0 else {
      throw Refusal(.badRequest, "'\(text.prefix(20))' is no rate: write how many a second, such as 50 or 0.5")
    }
    return rate
  }

  /// One dead letter, and in which queue it lies, since several may have given up on one message.
  static func letter(_ fields: FormFields) throws(Refusal) -> (id: MessageID, queue: QueueName?) {
    guard let id = fields["id"] else { throw Refusal(.badRequest, "the address does not say which message: add ?id=…") }
    return (MessageID(id), fields["queue"].map { QueueName($0) })
  }

  /// A search, which must not find out what the visitor may not see.
  static func filter(_ text: String, in queue: QueueName?, _ call: Call) throws -> MessageFilter {
    let filter = try call.operations.filter(text)
    if filter.conditions.contains(where: \.looksInside) {
      try call.require(.seeMessages, queue)
      if queue == nil, call.visitor.isLimited { throw call.mustNameQueue(.seeMessages) }
    }
    return filter
  }
}

extension MessageCondition {
  /// Whether it tells something of the content or the headers.
  fileprivate var looksInside: Bool {
    switch field {
    case .header, .data, .text: true
    default: false
    }
  }
}
