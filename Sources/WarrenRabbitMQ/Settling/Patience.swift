internal import AMQP

/// How often, and for how long, a copy is tried again: without end, and for `limit` once the pump was told to stop. What fails
/// mostly passes, and what is not settled comes again.
struct Patience {
  let pump: QueuePump
  let limit: Duration
  private var end: ContinuousClock.Instant?
  private var nextPause = Duration.milliseconds(50)

  init(pump: QueuePump, limit: Duration) {
    self.pump = pump
    self.limit = limit
  }

  /// Whether to give up.
  mutating func isOver(after error: AMQPError) -> Bool {
    let hopeless: Set<AMQPError.Code> = [.connectionClosed, .channelClosed, .messageTooLarge, .invalidArgument]
    if hopeless.contains(error.code) { return true }
    guard pump.isStopping else { return false }
    let end = end ?? .now + limit
    self.end = end
    return .now > end
  }

  /// Waits, longer each time.
  mutating func pause() async {
    // Settling runs uncancelled, so this does not return at once.
    try? await Task.sleep(for: nextPause)
    nextPause = min(nextPause * 2, .seconds(2))
  }
}
