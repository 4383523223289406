internal import Foundation
internal import Synchronization
public import Warren

/// Samples of queues in a file whose size is fixed, for an engine that keeps none, such as RabbitMQ's.
///
/// It belongs to one machine and to one broker. Processes that share it take turns, and one of them takes the samples.
public final class SampleFile: SampleStore {
  private let path: String
  private let clock: any BrokerClock
  private let lock = Mutex(())

  /// Samples in a file, which is made, with its folder, by the first; only this user may read it then.
  public init(path: String, clock: any BrokerClock = SystemClock()) {
    self.path = path
    self.clock = clock
  }

  /// See ``Warren/SampleStore/keep(_:_:)``.
  ///
  /// - Throws: ``Warren/BrokerError/Code/readOnly`` when the file cannot be written.
  public func keep(_ all: QueueSample?, _ queues: [QueueName: QueueSample]) async throws(BrokerError) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try access(O_RDWR | O_CREAT, LOCK_EX) { file in
      if let all { file.write(all, series: 0, .all) }
      var index = file.index()
      for (name, sample) in queues {
        guard let series = index.series(for: name, at: sample.time) else { continue }
        if series.isNew { file.begin(series.number, name) }
        file.write(sample, series: series.number, .queue)
      }
    }
  }

  /// See ``Warren/SampleStore/samples(of:)``.
  public func samples(of queue: QueueName?) async throws(BrokerError) -> [QueueSample] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let now = clock.now
    let ring: SampleRing = queue == nil ? .all : .queue
    let first = now.adding(.zero - ring.length)
    let all: [QueueSample] = try access(O_RDONLY, LOCK_SH) { file in
      guard let queue else { return file.read(series: 0, ring) }
      guard let series = file.index().known[queue] else { return [] }
      return file.read(series: series.number, ring)
    }
    return all.filter { $0.time > first && $0.time <= now }.sorted { $0.time < $1.time }
  }

  /// See ``Warren/SampleStore/whileSampling(_:)``.
  public func whileSampling(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let descriptor = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw failure(errno) }
    // The kernel unlocks it when the process ends.
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 { try await clock.sleep(for: .seconds(10)) }
    try await body()
  }

  private func access<Result>(_ flags: Int32, _ turn: Int32, _ body: (SampleRows) -> Result) throws(BrokerError)
    -> Result
  {
    let outcome: Swift.Result<Result, BrokerError> = lock.withLock { _ in
      let descriptor = open(path, flags | O_CLOEXEC, 0o600)
      if descriptor < 0 { return .failure(failure(errno)) }
      defer { close(descriptor) }
      if flock(descriptor, turn) != 0 { return .failure(failure(errno)) }
      return .success(body(SampleRows(descriptor: descriptor)))
    }
    return try outcome.get()
  }

  private func failure(_ code: Int32) -> BrokerError {
    BrokerError(
      .readOnly,
      "the samples in '\(path)' cannot be read or written (\(String(cString: strerror(code)))): name a file that this user may write"
    )
  }
}
