internal import Foundation
internal import Synchronization

#if os(Linux)
private let own = RUSAGE_SELF.rawValue
#else
private let own = RUSAGE_SELF
#endif

/// Wall and processor time of this process.
struct Usage {
  var wall: Double
  var cpu: Double

  static var now: Usage {
    var usage = rusage()
    getrusage(own, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return Usage(
      wall: Double(clockNanoseconds()) / 1e9, cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime))
  }
  static func - (a: Usage, b: Usage) -> Usage { Usage(wall: a.wall - b.wall, cpu: a.cpu - b.cpu) }
}

/// The monotonic clock, which all processes of a machine share.
func clockNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Opens when it has been counted down.
final class Gate: Sendable {
  private struct State {
    var seen = 0
    var waiting: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())
  private let total: Int

  init(_ total: Int) { self.total = total }

  var seen: Int { state.withLock { $0.seen } }

  func count() {
    let waiting = state.withLock { state in
      state.seen += 1
      return state.seen == total ? state.waiting.take() : nil
    }
    waiting?.resume()
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if state.seen >= total { return true }
        state.waiting = continuation
        return false
      }
      if isOpen { continuation.resume() }
    }
  }
}

/// One line of JSON.
func report(_ values: [String: Any]) {
  guard let data = try? JSONSerialization.data(withJSONObject: values, options: [.sortedKeys]) else { return }
  FileHandle.standardOutput.write(data + Data("\n".utf8))
}
