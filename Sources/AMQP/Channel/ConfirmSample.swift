import NIOCore

/// One publish of a channel whose confirm is timed, so that the latency of confirms costs next to nothing.
struct ConfirmSample {
  private var number: UInt64 = 0
  private var generation: UInt64 = 0
  private var sentAt = NIODeadline.distantPast

  /// How long a confirm may be missing before another publish is timed in its place.
  private static let patience = TimeAmount.minutes(1)

  /// Publishes up to this number were written. The last one is timed unless another one is.
  mutating func wrote(_ last: UInt64, generation: UInt64, now: @autoclosure () -> NIODeadline) {
    guard number == 0 || generation != self.generation || now() - sentAt > Self.patience else { return }
    number = last
    self.generation = generation
    sentAt = now()
  }

  /// A confirm came. Returns how long it took if it is the one that is timed.
  mutating func confirmed(
    _ tag: UInt64, multiple: Bool, generation: UInt64, now: @autoclosure () -> NIODeadline
  ) -> TimeAmount? {
    guard number != 0, multiple ? tag >= number || tag == 0 : tag == number else { return nil }
    defer { number = 0 }
    return generation == self.generation ? now() - sentAt : nil
  }
}
