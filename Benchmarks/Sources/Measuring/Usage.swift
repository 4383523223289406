internal import Foundation

#if os(Linux)
  private let own = RUSAGE_SELF.rawValue
#else
  private let own = RUSAGE_SELF
#endif

/// Wall and processor time of this process.
package struct Usage {
  package var wall: Double
  package var cpu: Double

  package static var now: Usage {
    var usage = rusage()
    getrusage(own, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return Usage(
      wall: Double(clockNanoseconds()) / 1e9, cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime))
  }
  package static func - (a: Usage, b: Usage) -> Usage { Usage(wall: a.wall - b.wall, cpu: a.cpu - b.cpu) }

  /// What has been used since, as every benchmark reports it.
  package func report(_ count: Int, _ more: [String: any Sendable] = [:]) {
    let used = Usage.now - self
    Measuring.report(
      [
        "n": count, "secs": used.wall, "per_s": Double(count) / used.wall,
        "cpu_s_per_100k": used.cpu * 100_000 / Double(count),
        "begin": wall, "end": wall + used.wall,
      ].merging(more) { $1 })
  }
}

/// The monotonic clock, which all processes of a machine share.
package func clockNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Median, 99th percentile and maximum of times in milliseconds.
package func quantiles(_ milliseconds: [Double]) -> [String: any Sendable] {
  let sorted = milliseconds.sorted()
  guard let last = sorted.last else { return [:] }
  return ["p50_ms": sorted[sorted.count / 2], "p99_ms": sorted[sorted.count * 99 / 100], "max_ms": last]
}

/// One line of JSON.
package func report(_ values: [String: any Sendable]) {
  guard let data = try? JSONSerialization.data(withJSONObject: values, options: [.sortedKeys]) else { return }
  FileHandle.standardOutput.write(data + Data("\n".utf8))
}
