internal import Foundation
internal import GRDB
public import Warren

extension SQLiteBroker {
  /// See ``Warren/InspectableBroker/diagnose()``.
  public func diagnose() async throws(BrokerError) -> [Finding] {
    var findings = [Finding(.fine, "\(capabilities.engine), schema \(Schema.migrator.migrations.last ?? "none")")]
    findings += diagnoseFile()
    for queue in try await queues() { findings += diagnose(queue) }
    findings += try await diagnoseWorkers()
    return findings
  }

  private func diagnoseFile() -> [Finding] {
    guard let path = file.path else {
      return [Finding(.warning, "the broker is in memory: all of it ends with the process", fix: "give it a path")]
    }
    var findings: [Finding] = []
    if !file.isInPlace {
      findings.append(
        Finding(.problem, "'\(path)' was moved or deleted while it is in use", fix: "put it back, or restart"))
    }
    let mode = configuration.synchronous
    findings.append(
      mode == .full
        ? Finding(.fine, "synchronous=FULL: what was published survives a power failure")
        : Finding(
          .warning, "synchronous=NORMAL: a power failure may take the last seconds' messages",
          fix: "use `.full` unless that is what you want"))
    let size = Self.size(path)
    let log = Self.size(path + "-wal")
    findings.append(
      log > max(256 << 20, size)
        ? Finding(
          .warning, "the log '\(path)-wal' has \(log >> 20) MiB: something reads the file for a long time",
          fix: "end programs that keep a read transaction open on it")
        : Finding(.fine, "the file has \(size >> 10) KiB, its log \(log >> 10) KiB"))
    if let free = Self.freeBytes(path) {
      findings.append(
        free < 256 << 20
          ? Finding(free < 16 << 20 ? .problem : .warning, "\(free >> 20) MiB are left on the disk", fix: "free some")
          : Finding(.fine, "\(free >> 20) MiB are left on the disk"))
    }
    return findings
  }

  private func diagnose(_ queue: QueueStatus) -> [Finding] {
    var findings: [Finding] = []
    if queue.holdsDeadLetters {
      let held = queue.ready + (queue.delayed ?? 0) + (queue.running ?? 0)
      if held > 0 {
        findings.append(
          Finding(
            .warning, queue: queue.name, "\(held) dead letter\(held == 1 ? "" : "s") in '\(queue.name)'",
            fix: .readDeadLetters(in: queue.name)))
      }
      return findings
    }
    if queue.isPaused {
      findings.append(
        Finding(
          .warning, queue: queue.name, "the queue '\(queue.name)' is paused",
          fix: .resume(queue.name)))
    } else if queue.ready > 0, queue.consumers == 0 {
      let age = queue.oldest.map { Duration.seconds(max(0, clock.now.timeIntervalSince($0))).words }
      findings.append(
        Finding(
          .problem, queue: queue.name,
          "\(queue.ready) message\(queue.ready == 1 ? " waits" : "s wait") in '\(queue.name)', and nobody consumes it"
            + (age.map { "; the oldest was published \($0) ago" } ?? ""), fix: .startWorker(queue.name)))
    }
    return findings
  }

  private func diagnoseWorkers() async throws(BrokerError) -> [Finding] {
    guard let directory = file.path.map({ $0 + "-workers" }) else { return [] }
    let workers = try await read { database in
      try Row.fetchAll(database, sql: "SELECT file, name FROM worker")
        .map { (file: $0["file"] as String, name: $0["name"] as String) }
    }
    return workers.compactMap { worker in
      // Opening it takes the lock for a moment at most if nobody has it, and then it is dead anyway.
      guard let lock = FileLock(path: "\(directory)/\(worker.file).lock", create: false), !lock.tryLock() else {
        return Finding(
          .warning, "the worker '\(worker.name)' has died", fix: "nothing: a running process takes its work back")
      }
      return Finding(.fine, "the worker '\(worker.name)' lives")
    }
  }

  private static func size(_ path: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
  }

  private static func freeBytes(_ path: String) -> Int? {
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    return (try? FileManager.default.attributesOfFileSystem(forPath: directory)[.systemFreeSize] as? NSNumber)?.intValue
  }
}
