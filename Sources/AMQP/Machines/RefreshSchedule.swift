/// When a provider is asked for credentials again while the connection is open: three quarters of the way to their end.
///
/// A provider that fails, or that gives what has expired, is asked again after a pause that doubles; and none is asked more than
/// once a second.
struct RefreshSchedule: Sendable {
  /// What is wrong with the last answer.
  enum Trouble: Sendable, Equatable {
    /// There was none, or the broker could not be told.
    case failed
    /// It has expired already.
    case expired
    /// It expires before it can be renewed.
    case tooShort
  }

  /// How long to wait; `nil` if what was given does not expire.
  private(set) var pause: Duration?
  private(set) var trouble: Trouble?
  private var failures = 0

  private static let shortestPause = Duration.seconds(1)
  private static let longestRetry = Duration.seconds(10)

  /// The connection opened with credentials that last for so long.
  init(validFor: Duration?) { answered(validFor: validFor) }

  /// The provider gave credentials. Unless they are ``Trouble/expired`` the broker is to be told.
  mutating func answered(validFor: Duration?) {
    guard let validFor else { return succeeded(nil, nil) }
    guard validFor > .zero else { return retry(.expired) }
    let due = validFor * 0.75
    succeeded(max(due, Self.shortestPause), due < Self.shortestPause ? .tooShort : nil)
  }

  /// The provider gave none, or the broker could not be told.
  mutating func failed() { retry(.failed) }

  private mutating func succeeded(_ pause: Duration?, _ trouble: Trouble?) {
    self.pause = pause
    self.trouble = trouble
    failures = 0
  }

  private mutating func retry(_ trouble: Trouble) {
    self.trouble = trouble
    pause = min(Self.longestRetry, Self.shortestPause * (1 << min(failures, 10)))
    failures += 1
  }
}
