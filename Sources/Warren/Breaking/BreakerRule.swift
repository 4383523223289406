/// When a circuit breaker opens, and how it comes back.
///
/// ```swift
/// .breaker("mail-server", BreakerRule(failures: 0.5, of: 10, within: .seconds(60), pause: .seconds(10)))
/// ```
/// It opens when, of the last ten messages that were handled within the last minute, five or more failed. A message that fails again
/// and again counts once, so that one that cannot be handled never opens it alone.
public struct BreakerRule: Sendable, Equatable {
  /// Which part of the messages has to fail: above 0, at most 1.
  public var failures: Double
  /// Of how many messages, the last ones. With fewer it stays closed.
  public var window: Int
  /// How long a result counts.
  public var within: Duration
  /// How long nothing is handed out after it has opened.
  public var pause: Duration
  /// The pause doubles each time that a try fails, up to this.
  public var longestPause: Duration
  /// How many messages of each queue try after a pause.
  public var probes: Int

  /// By default half of the last ten messages within a minute; then ten seconds of pause, which become five minutes at most; one
  /// message tries.
  public init(
    failures: Double = 0.5, of window: Int = 10, within: Duration = .seconds(60), pause: Duration = .seconds(10),
    longestPause: Duration = .seconds(300), probes: Int = 1
  ) {
    self.failures = failures
    self.window = window
    self.within = within
    self.pause = pause
    self.longestPause = longestPause
    self.probes = probes
  }

  /// The defaults.
  public static let standard = BreakerRule()

  func validate(_ dependency: DependencyName) throws(BrokerError) {
    func refuse(_ what: String) -> BrokerError { BrokerError(.invalid, "the breaker '\(dependency)' has \(what)") }
    if dependency.rawValue.isEmpty || dependency.rawValue.utf8.count > 100 || dependency.rawValue.contains("/") {
      throw BrokerError(
        .invalid, "'\(dependency.rawValue.prefix(40))' cannot name a dependency: 1 to 100 bytes without a slash can")
    }
    if !(failures > 0 && failures <= 1) { throw refuse("failures of \(failures): give a part above 0 and up to 1") }
    if !(1...1000).contains(window) { throw refuse("a window of \(window) messages: give 1 to 1000") }
    if !(1...1000).contains(probes) { throw refuse("\(probes) probes: give 1 to 1000") }
    if within <= .zero { throw refuse("a window of \(within.words): give a time above zero") }
    if pause < .milliseconds(1) { throw refuse("a pause of \(pause.words): give a millisecond or more") }
    if longestPause < pause {
      throw refuse("a longest pause of \(longestPause.words), which is shorter than the first")
    }
  }
}
