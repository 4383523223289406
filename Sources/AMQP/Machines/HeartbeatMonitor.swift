import NIOCore

/// Decides when to send a heartbeat and when the peer counts as dead. Time comes from outside, and is monotonic.
struct HeartbeatMonitor: Sendable {
  enum Action: Sendable, Equatable { case nothing, send, dead }

  /// The agreed interval.
  let interval: TimeAmount
  private var lastSent: NIODeadline
  private var lastReceived: NIODeadline

  init(interval: TimeAmount, now: NIODeadline) {
    self.interval = interval
    lastSent = now
    lastReceived = now
  }

  /// How often to ask.
  var period: TimeAmount { .nanoseconds(max(1, interval.nanoseconds / 4)) }

  /// Anything that is sent is a sign of life.
  mutating func sent(_ now: NIODeadline) { lastSent = now }
  /// Anything that arrives is a sign of life.
  mutating func received(_ now: NIODeadline) { lastReceived = now }

  /// What to do now. `listening` is false while this side itself does not read.
  mutating func check(_ now: NIODeadline, listening: Bool) -> Action {
    if !listening {
      lastReceived = now
    } else if now - lastReceived > .nanoseconds(interval.nanoseconds * 2) {
      return .dead
    }
    guard now - lastSent >= .nanoseconds(interval.nanoseconds / 2 - interval.nanoseconds / 8) else { return .nothing }
    lastSent = now
    return .send
  }
}
