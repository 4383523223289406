internal import Foundation
internal import Warren

/// Where everything is in the file of samples: a name of 256 bytes for each queue, then the samples of all queues together, then
/// those of each queue. A sample is six numbers of 64 bits; one that was never written is 0, and what is cut off is no sample.
struct SampleRows {
  let descriptor: Int32

  private static let nameSize = 256
  private static let rowSize = 48
  private static let rows = Operations.sampledQueues * nameSize

  private static func place(_ series: Int, _ slot: Int) -> Int {
    if series == 0 { return rows + slot * rowSize }
    return rows + (SampleRing.all.count + (series - 1) * SampleRing.queue.count + slot) * rowSize
  }

  /// Which queue has which series, and when its last sample was taken.
  struct Index {
    var known: [QueueName: (number: Int, last: Date)] = [:]
    fileprivate var free: [Int] = []

    /// The series of a queue. One that is new takes a free one, or that of a queue without a sample for a day.
    mutating func series(for name: QueueName, at now: Date) -> (number: Int, isNew: Bool)? {
      if let series = known[name] { return (series.number, false) }
      guard !name.rawValue.isEmpty, name.rawValue.utf8.count < SampleRows.nameSize else { return nil }
      var number = free.popLast()
      if number == nil, let oldest = known.min(by: { $0.value.last < $1.value.last }),
        oldest.value.last < now.adding(.zero - SampleRing.queue.length)
      {
        number = oldest.value.number
        known[oldest.key] = nil
      }
      guard let number else { return nil }
      known[name] = (number, now)
      return (number, true)
    }
  }

  func index() -> Index {
    var index = Index()
    let all = bytes(at: 0, count: Operations.sampledQueues * Self.nameSize)
    for number in (1...Operations.sampledQueues).reversed() {
      let start = (number - 1) * Self.nameSize
      let name = start < all.count ? all[start..<min(start + Self.nameSize, all.count)].prefix { $0 != 0 } : []
      if name.isEmpty {
        index.free.append(number)
      } else {
        index.known[QueueName(String(decoding: name, as: UTF8.self))] = (number, .distantPast)
      }
    }
    if index.free.isEmpty {
      for (name, series) in index.known {
        index.known[name] = (series.number, read(series: series.number, .queue).map(\.time).max() ?? .distantPast)
      }
    }
    return index
  }

  /// Gives a series to a queue, without the samples of another.
  func begin(_ series: Int, _ name: QueueName) {
    write([UInt8](repeating: 0, count: SampleRing.queue.count * Self.rowSize), at: Self.place(series, 0))
    let bytes = Array(name.rawValue.utf8)
    write(
      bytes + [UInt8](repeating: 0, count: Self.nameSize - bytes.count),
      at: (series - 1) * Self.nameSize)
  }

  func write(_ sample: QueueSample, series: Int, _ ring: SampleRing) {
    func thousands(_ value: Double?) -> Int64 { value.map { Int64(min(max(0, $0), 1e12) * 1_000) } ?? -1 }
    let numbers = [
      sample.time.wholeMilliseconds, thousands(sample.published), thousands(sample.completed),
      thousands(sample.failed), Int64(sample.depth ?? -1), thousands(sample.oldest),
    ]
    let bytes = numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * Int64($0))) } }
    write(bytes, at: Self.place(series, ring.slot(of: sample.time)))
  }

  func read(series: Int, _ ring: SampleRing) -> [QueueSample] {
    let all = bytes(at: Self.place(series, 0), count: ring.count * Self.rowSize)
    return all.withUnsafeBytes { all in
      (0..<all.count / Self.rowSize).compactMap { row in
        func number(_ column: Int) -> Int64 {
          Int64(littleEndian: all.loadUnaligned(fromByteOffset: row * Self.rowSize + column * 8, as: Int64.self))
        }
        func thousandth(_ column: Int) -> Double? { number(column) < 0 ? nil : Double(number(column)) / 1_000 }
        if number(0) <= 0 { return nil }
        return QueueSample(
          time: Date(wholeMilliseconds: number(0)), published: thousandth(1), completed: thousandth(2),
          failed: thousandth(3), depth: number(4) < 0 ? nil : Int(number(4)), oldest: thousandth(5))
      }
    }
  }

  private func bytes(at place: Int, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
      var done = 0
      while done < count, let base = buffer.baseAddress {
        let more = pread(descriptor, base + done, count - done, off_t(place + done))
        if more <= 0 { break }
        done += more
      }
      length = done
    }
  }

  private func write(_ bytes: [UInt8], at place: Int) {
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(place)) }
  }
}
