/// What a copy of a unique job carries on an engine that cannot keep repeats out: its key, its number, and for how long the key keeps
/// repeats out once the job is done.
struct UniqueMark: Sendable, Equatable {
  /// The header that has it. Engines pass it on, with retries, dead letters and replays too.
  static let header = "warren-unique"

  let key: String
  let number: Int64
  let window: Duration

  init(key: String, number: Int64, window: Duration) {
    self.key = key
    self.number = number
    self.window = window
  }

  /// `nil` where the message has none, or what cannot be read.
  init?(_ message: Message) {
    guard let text = message.headers[Self.header] else { return nil }
    let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let number = Int64(parts[0]), let window = Int64(parts[1]) else { return nil }
    self.init(key: String(parts[2]), number: number, window: .milliseconds(window))
  }

  /// The header's value: number, window in milliseconds, key.
  var text: String { "\(number) \(window.wholeMilliseconds) \(key)" }
}
