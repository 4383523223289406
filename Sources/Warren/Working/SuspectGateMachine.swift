internal import Foundation

/// Decides which deliveries of a worker may be handled at a time: any number of ordinary ones, or one suspect alone.
///
/// While a suspect waits or runs, the gate is closed to the others; they are held up for at most ``patience`` at a stretch.
/// Then those that still wait are refused, one that still runs is alone no more, and for as long as the gate was closed it
/// stays open: suspects that come meanwhile are refused. So however many suspects there are, and even if one hangs, the
/// others get at least half of the time.
struct SuspectGateMachine {
  /// What becomes of one that wants to come in.
  enum Admission: Equatable {
    case admitted
    /// It is told later.
    case waits
    /// Not now: after this time.
    case refused(until: Date)
  }
  let patience: Duration

  private var ordinary = 0
  /// The suspect that is inside and alone.
  private var alone: Int?
  /// The suspects that are inside and alone no more, because they took too long.
  private(set) var overstaying: Set<Int> = []
  private var waitingSuspects: [Int] = []
  private var waitingOthers: [Int] = []
  private var closedSince: Date?
  private var openUntil = Date.distantPast
  private var isStopped = false

  init(patience: Duration) { self.patience = patience }

  /// When ``expire(now:)`` is due; `nil` while the gate is open.
  var expiry: Date? { closedSince.map { $0.adding(patience) } }

  mutating func enter(_ id: Int, isSuspect: Bool, now: Date) -> Admission {
    if isStopped { return .refused(until: now) }
    if !isSuspect {
      if closedSince == nil {
        ordinary += 1
        return .admitted
      }
      waitingOthers.append(id)
      return .waits
    }
    if now < openUntil { return .refused(until: openUntil) }
    if closedSince == nil { closedSince = now }
    if ordinary == 0, alone == nil, waitingSuspects.isEmpty {
      alone = id
      return .admitted
    }
    waitingSuspects.append(id)
    return .waits
  }

  /// What became of those that waited.
  typealias Told = [(id: Int, admission: Admission)]

  mutating func leave(_ id: Int, isSuspect: Bool, now: Date) -> Told {
    if !isSuspect {
      ordinary -= 1
    } else if alone == id {
      alone = nil
    } else {
      overstaying.remove(id)
      ordinary -= 1
    }
    return advance(now)
  }

  /// Opens the gate, if it has been closed for too long.
  mutating func expire(now: Date) -> Told {
    guard let closedSince, let expiry, now >= expiry else { return [] }
    openUntil = now.addingTimeInterval(now.timeIntervalSince(closedSince))
    self.closedSince = nil
    if let alone {
      overstaying.insert(alone)
      self.alone = nil
      ordinary += 1
    }
    let refused = waitingSuspects.map { (id: $0, admission: Admission.refused(until: openUntil)) }
    waitingSuspects = []
    return refused + admitOthers()
  }

  /// Refuses all that wait and all that come.
  mutating func stop(now: Date) -> Told {
    isStopped = true
    defer { (waitingSuspects, waitingOthers) = ([], []) }
    return (waitingSuspects + waitingOthers).map { ($0, .refused(until: now)) }
  }

  private mutating func advance(_ now: Date) -> Told {
    guard closedSince != nil, alone == nil else { return [] }
    if !waitingSuspects.isEmpty {
      guard ordinary == 0 else { return [] }
      let id = waitingSuspects.removeFirst()
      alone = id
      return [(id, .admitted)]
    }
    // What the gate was closed for is done.
    closedSince = nil
    return admitOthers()
  }

  private mutating func admitOthers() -> Told {
    ordinary += waitingOthers.count
    defer { waitingOthers = [] }
    return waitingOthers.map { ($0, .admitted) }
  }
}
