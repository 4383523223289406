internal import Dispatch
internal import Foundation
internal import GRDB
internal import Logging
internal import Synchronization
internal import Warren

/// Looks, a few times a second, whether the other workers still live, and takes back what those hold that do not.
///
/// A process that has died has lost its lock. One that hangs, stopped or frozen, still has it, but its file does not change
/// any more; ``LeaseWatch`` decides after which time that counts.
///
/// It has a timer and a queue of its own: handlers that block the threads of Swift's tasks must not make a process look dead.
final class Liveness: Sendable {
  private struct State {
    var timer: Cancellable?
    var watch: LeaseWatch
    var ticks = 0
    var looks = 0
  }
  private struct KnownWorker {
    var id: Int64
    var sign: WorkerSign
  }
  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "warren.liveness", qos: .userInitiated)
  private let file: BrokerFile
  private let writer: Writer
  private let presence: Presence
  private let configuration: SQLiteConfiguration
  private let logger: Logger

  init(
    file: BrokerFile, writer: Writer, presence: Presence, configuration: SQLiteConfiguration, logger: Logger
  ) {
    self.file = file
    self.writer = writer
    self.presence = presence
    self.configuration = configuration
    self.logger = logger
    state = Mutex(
      State(watch: LeaseWatch(lease: configuration.leaseTimeout, interval: configuration.livenessInterval)))
  }

  /// How often it has looked.
  var looks: Int { state.withLock { $0.looks } }

  func start() {
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let interval = Int(min(max(1, configuration.livenessInterval.wholeMilliseconds), 3_600_000))
    timer.schedule(deadline: .now(), repeating: .milliseconds(interval), leeway: .milliseconds(interval / 10))
    timer.setEventHandler { [weak self] in self?.tick() }
    timer.activate()
    let cancellable = Cancellable(timer)
    state.withLock { $0.timer = cancellable }
  }

  func stop() {
    let timer = state.withLock { state in
      defer { state.timer = nil }
      return state.timer
    }
    timer?.cancel()
  }

  private func tick() {
    writer.failOverdue()
    guard let directory = presence.directory else { return }
    let ticks = state.withLock { state in
      state.ticks += 1
      return state.ticks
    }
    // Far more often than a lease ends, far less often than would be felt.
    if ticks % 4 == 1, !presence.touch() { renewSign() }
    // The net beneath the sockets.
    if ticks % 2 == 0 { writer.wakeConsumers(everywhere: true) }
    file.database.asyncRead { [weak self] result in
      guard let self, let database = try? result.get(), let workers = try? Self.workers(database) else { return }
      let strays =
        (try? Row.fetchAll(
          database, sql: "SELECT DISTINCT worker FROM running WHERE worker NOT IN (SELECT id FROM worker)"
        ).map { $0.int("worker") }) ?? []
      queue.async { self.look(at: workers, strays, in: directory, isTidying: ticks % 120 == 1) }
    }
  }

  private static func workers(_ database: Database) throws -> [KnownWorker] {
    try Row.fetchAll(database, sql: "SELECT id, file, device, inode FROM worker").map { row in
      KnownWorker(
        id: row.int("id"), sign: WorkerSign(row))
    }
  }

  private func look(at workers: [KnownWorker], _ strays: [Int64], in directory: String, isTidying: Bool) {
    if isTidying { sweepLeftovers(Set(workers.map(\.sign.file)), in: directory) }
    let own = presence.file
    var signs: [String: LeaseWatch.Sign] = [:]
    var locks: [String: FileLock] = [:]
    for worker in workers where worker.sign.file != own {
      let (sign, lock) = Presence.look(at: worker.sign, in: directory)
      signs[worker.sign.file] = sign
      locks[worker.sign.file] = lock
    }
    let lost = state.withLock { state in
      state.looks += 1
      return state.watch.look(signs, at: .now)
    }
    for worker in workers {
      guard let loss = lost[worker.sign.file] else { continue }
      // The lock is held until the deliveries are taken back, so that no other process does it too.
      takeBack(worker.id, loss.rawValue, holding: locks[worker.sign.file]) {
        Presence.removeFiles(of: worker.sign.file, in: directory)
      }
    }
    for worker in strays { takeBack(worker, "has left deliveries behind", holding: nil) {} }
  }

  /// Removes what was left by processes that died while they came or went. What is young may belong to one that comes.
  private func sweepLeftovers(_ known: Set<String>, in directory: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for name in names where name.hasSuffix(".lock") {
      let file = String(name.dropLast(5))
      let path = Presence.lockPath(file, in: directory)
      let change = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
      guard !known.contains(file), let change, change.timeIntervalSinceNow < -60 else { continue }
      if FileLock(path: path, create: false)?.tryLock() == true { Presence.removeFiles(of: file, in: directory) }
    }
  }

  private func takeBack(
    _ worker: Int64, _ why: String, holding lock: FileLock?, then tidyUp: @escaping @Sendable () -> Void
  ) {
    let name = configuration.workerName
    let logger = logger
    writer.submit(
      Operation(
        perform: { transaction in
          let count = try transaction.recover(worker: worker)
          return {
            tidyUp()
            // Another process may have been quicker.
            if let count {
              logger.notice(
                "A worker \(why); its deliveries run again.",
                metadata: ["deliveries": "\(count)", "observer": "\(name)"])
            }
            withExtendedLifetime(lock) {}
          }
        }, fail: { _ in withExtendedLifetime(lock) {} }))
  }

  /// Shows itself anew, under the same number, when its lock file is gone.
  private func renewSign() {
    writer.submit(
      Operation(
        perform: { [presence] transaction in
          try transaction.renewSign(presence)
          return {}
        }, fail: { _ in }))
  }
}
