internal import HTTPTypes
internal import Warren

/// What a request is about, read from its fields.
enum Wanted {
  static func queue(_ fields: FormFields) throws(Refusal) -> QueueName {
    guard let name = fields["name"] else {
      throw Refusal(.badRequest, "the address does not say which queue: add ?name=…")
    }
    return QueueName(name)
  }

  /// One dead letter, and in which queue it lies, since several may have given up on one message.
  static func letter(_ fields: FormFields) throws(Refusal) -> (id: MessageID, queue: QueueName?) {
    guard let id = fields["id"] else { throw Refusal(.badRequest, "the address does not say which message: add ?id=…") }
    return (MessageID(id), fields["queue"].map { QueueName($0) })
  }
}
