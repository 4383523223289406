internal import Foundation
internal import GRDB
internal import Warren

/// Finds out how the file is, and repairs its rows. How the queues are is the core's to judge.
struct Doctor {
  let file: BrokerFile
  let writer: Writer
  let configuration: SQLiteConfiguration
  let engine: String
  let clock: any BrokerClock

  /// All of it.
  func findings() async throws(BrokerError) -> [Finding] {
    try await glance() + findingsAboutRows() + findingsAboutTimes()
  }

  /// What is found without looking at every row.
  func glance() async throws(BrokerError) -> [Finding] {
    var findings = [Finding(.fine, "\(engine), schema \(Schema.version)")]
    findings += findingsAboutFile()
    if file.path != nil { findings.append(await findingAboutWriting()) }
    findings += try await findingsAboutWhatWasSetAside()
    findings += try await findingsAboutWorkers()
    findings += try await file.read { database in
      UnaskedBindings.findings(in: try KnownTopology(database).topology(), asked: try AskedBindings.all(database))
    }
    return findings
  }

  /// Repairs rows that say what is not true, in one transaction, and tells what it did.
  func repair() async throws(BrokerError) -> [Finding] {
    let repaired = try await writer.perform { transaction in
      let found = try FileCheck.repair(transaction.database)
      transaction.state.forgetWhatWasRead()
      return found.map { Finding(.fine, "repaired: \(Self.counted($0.count, $0.rule.text))") }
    }
    return repaired.isEmpty ? [Finding(.fine, "nothing was to be repaired")] : repaired
  }

  private static func counted(_ count: Int, _ text: String) -> String { "\(count) × \(text)" }

  // MARK: The file

  /// What the file is.
  func description() -> BrokerDescription {
    var facts = [BrokerDescription.Fact("Schema", "\(Schema.version)")]
    if let path = file.path {
      facts.append(.init("File", path))
      facts.append(.init("Size", "\((FileStatus(path: path)?.size ?? 0) >> 10) KiB"))
      facts.append(.init("Log", "\((FileStatus(path: path + "-wal")?.size ?? 0) >> 10) KiB"))
      if let free = Self.freeBytes(path) { facts.append(.init("Free on the disk", "\(free >> 20) MiB")) }
    } else {
      facts.append(.init("File", "none: it is in memory"))
    }
    facts.append(.init("Synchronous", configuration.synchronous == .full ? "FULL" : "NORMAL"))
    return BrokerDescription(engine: engine, facts: facts)
  }

  private func findingsAboutFile() -> [Finding] {
    guard let path = file.path else {
      return [Finding(.warning, "the broker is in memory: all of it ends with the process", fix: "give it a path")]
    }
    var findings: [Finding] = []
    if FileStatus(path: path)?.names ?? 1 > 1 {
      findings.append(
        Finding(
          .problem, "'\(path)' has got a second name (a hard link), by which it must not be opened",
          fix: "remove the other name, or copy the file"))
    }
    let mode = configuration.synchronous
    findings.append(
      mode == .full
        ? Finding(.fine, "synchronous=FULL: what was published survives a power failure")
        : Finding(
          .warning, "synchronous=NORMAL: a power failure may take the last seconds' messages",
          fix: "use `.full`, except where that is what you want"))
    let size = FileStatus(path: path)?.size ?? 0
    let log = FileStatus(path: path + "-wal")?.size ?? 0
    findings.append(
      log > max(256 << 20, size)
        ? Finding(
          .warning,
          "the log '\(path)-wal' has \(log >> 20) MiB, more than the file: something reads, or has read, for long",
          fix: "end programs that keep a read transaction open on it; it shrinks with the next writes")
        : Finding(.fine, "the file has \(size >> 10) KiB, its log \(log >> 10) KiB"))
    if let free = Self.freeBytes(path) {
      findings.append(
        free < 256 << 20
          ? Finding(free < 16 << 20 ? .problem : .warning, "\(free >> 20) MiB are left on the disk", fix: "free some")
          : Finding(.fine, "\(free >> 20) MiB are left on the disk"))
    }
    return findings
  }

  private func findingAboutWriting() async -> Finding {
    if file.isReadOnly {
      return Finding(.warning, "this user may only read the file", fix: "look as a user who may write it")
    }
    do {
      try await writer.probe()
      return Finding(.fine, "the file can be written")
    } catch {
      return Finding(.problem, error.message, fix: "see to it that the file can be written")
    }
  }

  private static func freeBytes(_ path: String) -> Int? {
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
    return (try? FileManager.default.attributesOfFileSystem(forPath: directory)[.systemFreeSize] as? NSNumber)?.intValue
  }

  // MARK: The rows

  private func findingsAboutRows() async throws(BrokerError) -> [Finding] {
    try await file.read { database in
      let findings = try FileCheck.broken(database).map {
        Finding(.problem, "the file has \(Self.counted($0.count, $0.rule.text))", fix: .repair)
      }
      return findings.isEmpty ? [Finding(.fine, "every row is as it must be")] : findings
    }
  }

  /// A clock that was ten years ahead for a while has written times that stay when it is right again.
  private func findingsAboutTimes() async throws(BrokerError) -> [Finding] {
    let year = clock.now.adding(.seconds(366 * 86_400)).wholeMilliseconds
    return try await file.read { database in
      func count(_ rows: String) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT count(*) FROM \(rows) > ?", arguments: [year]) ?? 0
      }
      let fix: Fix = "look whether that is meant: a clock that was wrong may have written it"
      let (delayed, remembered) = (try count("delayed WHERE due"), try count("finished WHERE until"))
      var findings: [Finding] = []
      if delayed > 0 {
        findings.append(
          Finding(
            .warning, "\(delayed) message\(delayed == 1 ? " is" : "s are") put off for longer than a year", fix: fix))
      }
      if remembered > 0 {
        findings.append(
          Finding(
            .warning,
            "\(remembered) completed job\(remembered == 1 ? " keeps" : "s keep") repeats out for longer than a year",
            fix: fix))
      }
      return findings
    }
  }

  private func findingsAboutWhatWasSetAside() async throws(BrokerError) -> [Finding] {
    try await file.read { database in
      let setAside = try Row.fetchOne(
        database,
        sql: """
          SELECT count(*) AS n, max(at) AS last, (SELECT name FROM queue q WHERE q.id = set_aside.queue) AS queue
          FROM set_aside
          """)
      if let setAside, setAside.count("n") > 0 {
        let (count, last) = (setAside.count("n"), setAside.int("last"))
        let queue = setAside.optionalText("queue").map { ", the last in '\($0)'" } ?? ""
        return [
          Finding(
            .warning,
            "\(count) row\(count == 1 ? "" : "s") had no message and \(count == 1 ? "was" : "were") set aside\(queue) at "
              + Date(wholeMilliseconds: last).clamped.formatted(.iso8601), fix: .repair)
        ]
      }
      return []
    }
  }

  // MARK: The workers

  private func findingsAboutWorkers() async throws(BrokerError) -> [Finding] {
    guard let directory = file.path.map({ $0 + "-workers" }) else { return [] }
    let workers = try await file.read { database in
      try Row.fetchAll(database, sql: "SELECT file, name, device, inode FROM worker").map { row in
        (
          sign: WorkerSign(row),
          name: row.text("name")
        )
      }
    }
    return workers.map { worker in
      switch Presence.look(at: worker.sign, in: directory).sign {
      case .held: Finding(.fine, "the worker '\(worker.name)' lives")
      case .dropped:
        Finding(.warning, "the worker '\(worker.name)' has died", fix: "nothing: a running process takes its work back")
      case .missing:
        Finding(
          .warning, "the worker '\(worker.name)' has lost its lock file in '\(directory)'",
          fix: "nothing: if it lives it makes another one, otherwise its work is taken back when its lease is over")
      case .hidden:
        Finding(
          .warning, "whether the worker '\(worker.name)' lives cannot be seen by this user",
          fix: Fix("give this user the right to read '\(directory)'"))
      }
    }
  }
}
