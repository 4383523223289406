/// Decides for how long a look whether the file can be written waits for its turn: as long as others write, it can be written.
struct TurnWatch {
  private var last: [FileStatus.Version?]
  private let end: ContinuousClock.Instant

  /// - Parameters:
  ///   - lastWrite: see ``BrokerFile/lastWrite``.
  ///   - end: when it is too late in any case.
  init(_ lastWrite: [FileStatus.Version?], until end: ContinuousClock.Instant) {
    last = lastWrite
    self.end = end
  }

  /// Whether no process has written since the last look, or it is too late.
  mutating func isOver(_ lastWrite: [FileStatus.Version?], at now: ContinuousClock.Instant) -> Bool {
    defer { last = lastWrite }
    return lastWrite == last || now >= end
  }
}
