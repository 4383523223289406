/// What the last action did, told on the page that is shown after it. It travels in the address as a word and a number, so
/// no address can put other words into the page.
struct Notice: Sendable, Equatable {
  enum Word: String, CaseIterable, Sendable {
    case paused, resumed, purged, replayed, deleted, restored, edited, cancelled
    /// A message that was delayed waits for a worker now.
    case hastened
    /// A job was enqueued, or kept out as a repeat.
    case enqueued, repeated
    /// A bulk operation goes on in the background.
    case begun
    /// A bulk operation was ended before its end.
    case broken
    case schedulePaused = "schedule-paused"
    case scheduleResumed = "schedule-resumed"
    case scheduleRun = "schedule-run"
    /// A group of failures was marked, or its mark was taken back.
    case marked
    /// Messages of the outbox are tried again.
    case retried
    /// A message of the outbox will never be published.
    case discarded
  }
  static let fields: Set<String> = ["done", "count", "stayed", "missing", "job"]
  var word: Word
  var count: Int
  var stayed = 0
  var missing = 0

  init(_ word: Word, count: Int = 1, stayed: Int = 0, missing: Int = 0) {
    self.word = word
    self.count = count
    self.stayed = stayed
    self.missing = missing
  }

  init?(_ fields: FormFields) {
    guard let word = fields["done"].flatMap(Word.init) else { return nil }
    self.word = word
    count = max(0, fields["count"].flatMap { Int($0) } ?? 1)
    stayed = max(0, fields["stayed"].flatMap { Int($0) } ?? 0)
    missing = max(0, fields["missing"].flatMap { Int($0) } ?? 0)
  }

  /// The address with this notice.
  func on(_ link: Link) -> Link {
    link.with("done", word.rawValue).with("count", "\(count)").with("stayed", stayed > 0 ? "\(stayed)" : nil)
      .with("missing", missing > 0 ? "\(missing)" : nil)
  }
}
