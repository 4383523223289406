internal import Dispatch
internal import Foundation
internal import GRDB
internal import Logging
internal import Synchronization
internal import Warren

/// Looks, a few times a second, whether the other processes still live, and takes back what the dead hold.
///
/// A process that has died has lost its lock. One that hangs, stopped or frozen, still has it, but its file does not change
/// any more. How long it has not changed is measured by this process's own clock, which nobody can set.
///
/// It has a timer and a queue of its own: handlers that block the threads of Swift's tasks must not make a process look dead.
final class Liveness: Sendable {
  private struct Seen {
    var change: FileChange
    var since: ContinuousClock.Instant
  }
  private struct State {
    var timer: Cancellable?
    var seen: [String: Seen] = [:]
    var ticks = 0
  }
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "warren.liveness", qos: .userInitiated)
  private let file: BrokerFile
  private let writer: Writer
  private let presence: Presence
  private let configuration: SQLiteBroker.Configuration
  private let logger: Logger

  init(
    file: BrokerFile, writer: Writer, presence: Presence, configuration: SQLiteBroker.Configuration, logger: Logger
  ) {
    self.file = file
    self.writer = writer
    self.presence = presence
    self.configuration = configuration
    self.logger = logger
  }

  func start() {
    let timer = DispatchSource.makeTimerSource(queue: queue)
    let interval = Int(configuration.livenessInterval.milliseconds)
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
    if ticks % 4 == 1 { presence.touch() }
    // The net beneath the sockets.
    if ticks % 2 == 0 { writer.wakeConsumers() }
    file.database.asyncRead { [weak self] result in
      guard let self, let database = try? result.get(),
        let rows = try? Row.fetchAll(database, sql: "SELECT id, file FROM worker")
      else { return }
      let workers = rows.map { (id: $0["id"] as Int64, file: $0["file"] as String) }
      queue.async { self.look(at: workers, in: directory) }
    }
  }

  private func look(at workers: [(id: Int64, file: String)], in directory: String) {
    let own = presence.file
    state.withLock { state in
      let files = Set(workers.map(\.file))
      state.seen = state.seen.filter { files.contains($0.key) }
    }
    for worker in workers where worker.file != own {
      let path = Presence.lockPath(worker.file, in: directory)
      if let lock = FileLock(path: path, create: false) {
        if lock.tryLock() {
          // Held until the deliveries are taken back, so that nobody else does it too.
          takeBack(worker, in: directory, holding: lock, "has died")
        } else if hangs(worker.file, path) {
          takeBack(worker, in: directory, holding: nil, "shows no sign of life")
        }
      } else if !FileManager.default.fileExists(atPath: path) {
        takeBack(worker, in: directory, holding: nil, "has lost its lock file")
      }
    }
  }

  private func hangs(_ file: String, _ path: String) -> Bool {
    guard let change = FileChange(path: path) else { return false }
    let now = ContinuousClock.now
    return state.withLock { state in
      guard let seen = state.seen[file], seen.change == change else {
        state.seen[file] = Seen(change: change, since: now)
        return false
      }
      return now - seen.since > configuration.leaseTimeout
    }
  }

  private func takeBack(
    _ worker: (id: Int64, file: String), in directory: String, holding lock: FileLock?, _ why: String
  ) {
    let name = configuration.workerName
    let logger = logger
    writer.submit(
      Operation(
        perform: { transaction in
          // Somebody may have been quicker.
          let isKnown = try Int.fetchOne(
            transaction.database, sql: "SELECT 1 FROM worker WHERE id = ?", arguments: [worker.id])
          let count = isKnown == nil ? 0 : try transaction.recover(worker: worker.id)
          return {
            Presence.removeFiles(of: worker.file, in: directory)
            if isKnown != nil {
              logger.notice(
                "A worker \(why); its deliveries run again.",
                metadata: ["deliveries": "\(count)", "observer": "\(name)"])
            }
            withExtendedLifetime(lock) {}
          }
        }, fail: { _ in withExtendedLifetime(lock) {} }))
  }
}
