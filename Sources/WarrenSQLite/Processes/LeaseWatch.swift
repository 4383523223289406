/// Decides, from what is seen of the other workers' signs of life, which of them are gone.
///
/// It is a value without a clock: it is told when it looks. Time counts only as far as the observer was awake. After a pause
/// of the whole machine every sign is old, and that says nothing about any worker.
struct LeaseWatch {
  /// What a look finds.
  enum Sign: Equatable {
    /// The kernel has dropped the lock: the process is gone.
    case dropped
    /// The worker's own file, locked, and when it was touched last.
    case held(Duration)
    /// The file is missing, or is another one: that alone proves nothing.
    case missing
    /// This user may not look: nothing is known, and nothing is taken away.
    case hidden
  }
  /// Why a worker is taken for gone.
  enum Loss: String {
    case died = "has died"
    case hangs = "shows no sign of life"
    case lostItsFile = "has lost its lock file"
  }
  private struct Seen {
    var sign: Sign
    /// For how long it has been like that, as far as this process was awake.
    var time = Duration.zero
  }
  private let lease: Duration
  /// The most that one look can add.
  private let longestGap: Duration
  private var seen: [String: Seen] = [:]
  private var lastLook: ContinuousClock.Instant?

  init(lease: Duration, interval: Duration) {
    self.lease = lease
    longestGap = interval * 2
  }

  /// What is lost, by the workers' files. `signs` has all workers that there are.
  mutating func look(_ signs: [String: Sign], at now: ContinuousClock.Instant) -> [String: Loss] {
    let passed = lastLook.map { max(.zero, min(now - $0, longestGap)) } ?? .zero
    lastLook = now
    var lost: [String: Loss] = [:]
    var next: [String: Seen] = [:]
    for (file, sign) in signs {
      if sign == .dropped {
        lost[file] = .died
        continue
      }
      var seen = self.seen[file] ?? Seen(sign: sign)
      if seen.sign == sign { seen.time += passed } else { seen = Seen(sign: sign) }
      if sign != .hidden, seen.time > lease { lost[file] = sign == .missing ? .lostItsFile : .hangs }
      next[file] = seen
    }
    seen = next
    return lost
  }
}
