internal import AMQP
internal import Warren

/// What the broker says when something is declared already and differs:
/// `inequivalent arg 'X' for queue 'Q' in vhost '/': received 'A' but current is 'B'`. It names one difference only.
struct Conflict: Sendable, Equatable {
  let argument: String
  let received: String
  let current: String

  init?(_ text: String) {
    guard let name = Self.between(text, "inequivalent arg '", "'"), let received = text.firstRange(of: ": received "),
      let current = text.firstRange(of: " but current is "), received.upperBound <= current.lowerBound
    else { return nil }
    argument = name
    self.received = Self.value(text[received.upperBound..<current.lowerBound])
    self.current = Self.value(text[current.upperBound...])
  }

  /// `'2000'`, `none`, or `the value '60000' of type 'signedint'`.
  private static func value(_ text: Substring) -> String { between(String(text), "'", "'") ?? String(text) }

  private static func between(_ text: String, _ start: String, _ end: String) -> String? {
    guard let begin = text.firstRange(of: start), let stop = text[begin.upperBound...].firstRange(of: end) else {
      return nil
    }
    return String(text[begin.upperBound..<stop.lowerBound])
  }

  func difference(of subject: String) -> TopologyDifference {
    let word =
      switch argument {
      case "x-message-ttl": "time to live (x-message-ttl)"
      case "x-dead-letter-exchange": "dead-letter exchange (x-dead-letter-exchange)"
      case "x-dead-letter-routing-key": "dead-letter key (x-dead-letter-routing-key)"
      case "x-queue-type": "type (x-queue-type)"
      case "type": "kind"
      default: argument
      }
    func text(_ value: String) -> String {
      if argument == "x-message-ttl", let milliseconds = Int64(value) {
        return Duration.milliseconds(milliseconds).words
      }
      return value.isEmpty ? "''" : value
    }
    return TopologyDifference("\(subject): \(word)", declared: text(current), wanted: text(received))
  }

  /// The difference in a refusal of the broker to declare; also for texts of another shape.
  static func difference(_ error: BrokerError, subject: String) -> TopologyDifference? {
    guard error.code == .topologyConflict, let text = (error.underlying as? AMQPError)?.replyText else { return nil }
    return Conflict(text)?.difference(of: subject)
      ?? TopologyDifference(subject, declared: "something else (\(text))", wanted: "what Warren declares")
  }
}
