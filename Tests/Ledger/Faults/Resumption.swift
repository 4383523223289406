internal import Foundation

/// How soon after a fault the work went on, by the times in the books. All in seconds.
struct Resumption {
  let fault: ClusterFault
  /// The longest time without any confirmed publish from the moment on when there was a majority; the wait for the first is
  /// included.
  let publishing: Double
  /// The same for handled messages.
  let handling: Double
  /// The longest time that one publisher was without.
  let onePublisher: Double

  init(of fault: ClusterFault, majority: Date, until end: Date, confirmed: [[Book.Entry]], handled: [Book.Entry]) {
    func longestGap(_ entries: some Sequence<Book.Entry>) -> Double {
      let times = entries.map(\.time).filter { majority < $0 && $0 < end }.sorted()
      return zip([majority] + times, times + [end]).map { $1.timeIntervalSince($0) }.max() ?? 0
    }
    self.fault = fault
    publishing = longestGap(confirmed.joined())
    handling = longestGap(handled)
    onePublisher = confirmed.map { longestGap($0) }.max() ?? 0
  }

  var slower: Double { max(publishing, handling) }

  static func table(_ all: [Resumption]) -> [String] {
    ["stood still: publishing  handling  one publisher"]
      + all.map {
        String(format: "%20.2f s %7.2f s %12.2f s  ", $0.publishing, $0.handling, $0.onePublisher)
          + $0.fault.description
      }
  }
}
