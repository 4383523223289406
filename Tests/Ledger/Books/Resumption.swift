internal import Foundation

/// How soon after a fault the work went on, by the times in the books.
struct Resumption {
  let fault: Fault
  /// Seconds from the moment when there was a majority to the next confirmed publish.
  let publishing: Double?
  /// The same to the next handled message.
  let handling: Double?
  /// The longest that one publisher stood still after that moment.
  let longestSilence: Double

  init(of fault: Fault, majority: Date, until end: Date, confirmed: [[Book.Entry]], handled: [Book.Entry]) {
    func times(_ entries: [Book.Entry]) -> [Date] {
      entries.lazy.map(\.time).filter { majority < $0 && $0 <= end }.sorted()
    }
    let publishers = confirmed.map(times)
    self.fault = fault
    publishing = publishers.compactMap(\.first).min()?.timeIntervalSince(majority)
    handling = times(handled).first?.timeIntervalSince(majority)
    longestSilence =
      publishers.map { times in
        zip([majority] + times, times + [end]).map { $1.timeIntervalSince($0) }.max() ?? 0
      }.max() ?? 0
  }

  /// The slower of the two; infinite if one of them never came.
  var seconds: Double { max(publishing ?? .infinity, handling ?? .infinity) }

  static func table(_ all: [Resumption]) -> [String] {
    func text(_ seconds: Double?) -> String { seconds.map { String(format: "%8.2f s", $0) } ?? "     never" }
    return ["next confirm  next handled  longest silence of one publisher"]
      + all.map {
        "  \(text($0.publishing))    \(text($0.handling))    \(text($0.longestSilence))   \($0.fault)"
      }
  }
}
