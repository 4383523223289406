internal import Foundation
internal import Spawning
internal import Warren

/// The processes of a test, and their books: publishers, each with its share of the numbers, and workers. One that was killed or
/// stopped is replaced; one that ends by itself before it is told to is noted.
actor TestProcesses {
  enum Role { case publisher, worker }
  /// How often what was done.
  struct Counts {
    var killedPublishers = 0
    var killedWorkers = 0
    var stopped = 0
    var asleep = 0
  }

  private struct Member {
    let name: String
    let arguments: [String]
    var child: ChildProcess
    let began = Date()
    var wasKilled = false
    /// When it was told to stop.
    var stopping: Date?
    /// When it is awake again.
    var asleepUntil: Date?
    /// Whether it has ended by itself, and well.
    var hasSucceeded: Bool { child.ending == .exited(0) }
    /// Whether it has ended badly; not when it was told to stop before it could take the signal.
    var hasFailed: Bool { !child.isRunning && !hasSucceeded && child.ending != .signalled(SIGTERM) }
    var isAsleep: Bool { asleepUntil.map { Date() < $0 } ?? false }
  }
  /// How long a stop in good order may take, in seconds: what runs goes on for up to 20 s more.
  private static let stopLimit = 35.0

  nonisolated let queue: QueueName
  private let folder: String
  private let brokers: [String]
  private let options: [String]
  private let spared: Int
  private var members: [Role: [Member]] = [.publisher: [], .worker: []]
  private var starts = 0
  /// What does not let processes begin, such as a disk without room: from when until when.
  private var obstacles: [(from: Date, to: Date)] = []
  private(set) var endedByThemselves: [String] = []
  private(set) var counts = Counts()

  /// Starts it.
  ///
  /// - parameters:
  ///   - brokers: The names of the broker: each process that starts takes the next.
  ///   - options: What else each process is told.
  ///   - shares: The numbers of each publisher.
  ///   - spared: How many of either kind nothing is done to: they must get through by themselves.
  ///   - pause: Milliseconds between two messages of one task of a publisher.
  init(
    brokers: [String], options: [String] = [], queue: QueueName, folder: String, shares: [Range<Int>],
    workers: Int, spared: Int = 0, pause: Int
  ) async throws {
    self.queue = queue
    self.folder = folder
    self.brokers = brokers
    self.options = options
    self.spared = spared
    for (index, share) in shares.enumerated() {
      let arguments = [
        "publish", "--queue", queue.rawValue, "--prefix", "m", "--from", "\(share.lowerBound)", "--to",
        "\(share.upperBound)", "--pause", "\(pause)", "--log", confirmedBook(index),
      ]
      members[.publisher]?.append(try start("publisher-\(index)", arguments))
    }
    for index in 0..<workers {
      let arguments = ["work", "--queue", queue.rawValue, "--log", handledBook]
      members[.worker]?.append(try start("worker-\(index)", arguments))
    }
  }

  private func start(_ name: String, _ arguments: [String]) throws -> Member {
    let broker = brokers[starts % brokers.count]
    starts += 1
    let child = try ChildProcess(
      CommandLine.arguments[0], arguments + ["--broker", broker, "--verbose"] + options,
      errors: .file("\(folder)/\(name).log"))
    return Member(name: name, arguments: arguments, child: child)
  }

  private var all: [Member] { [.publisher, .worker].flatMap { members[$0] ?? [] } }

  /// Does something to one process of a role that runs and has not been told to stop.
  private func change(_ role: Role, using random: inout Seeded, _ body: (inout Member) -> Void) {
    var list = members[role] ?? []
    let index = Int.random(in: spared..<list.count, using: &random)
    guard list[index].stopping == nil, list[index].child.isRunning else { return }
    body(&list[index])
    members[role] = list
  }

  // MARK: Faults

  /// Says that for so many seconds no process can begin. One that is begun all the same may end with an error; one that
  /// works already must go on.
  func cannotBegin(seconds: Double) {
    let now = Date()
    // What began just now may not have opened the broker yet.
    obstacles.append((now.addingTimeInterval(-1), now.addingTimeInterval(seconds + 1)))
  }

  /// SIGKILL.
  func kill(_ role: Role, using random: inout Seeded) {
    change(role, using: &random) { member in
      guard member.child.send(SIGKILL) else { return }
      member.wasKilled = true
      switch role {
      case .publisher: counts.killedPublishers += 1
      case .worker: counts.killedWorkers += 1
      }
    }
  }

  /// SIGTERM: it finishes what it has begun and ends.
  func stop(_ role: Role, using random: inout Seeded) {
    change(role, using: &random) { member in
      member.child.send(SIGTERM)
      member.stopping = Date()
      counts.stopped += 1
    }
  }

  /// SIGSTOP, until so many seconds have passed.
  func putToSleep(_ role: Role, seconds: Double, using random: inout Seeded) {
    change(role, using: &random) { member in
      guard !member.isAsleep, (try? wake(["\(member.child.identifier)"], after: seconds)) != nil else { return }
      member.child.send(SIGSTOP)
      member.asleepUntil = Date().addingTimeInterval(seconds)
      counts.asleep += 1
    }
  }

  /// Wakes these processes from outside of this one: it may wait for a file that a sleeping one has locked, or sleep itself.
  private func wake(_ identifiers: [String], after seconds: Double) throws {
    _ = try ChildProcess("/bin/sh", ["-c", "sleep \(seconds); kill -CONT \(identifiers.joined(separator: " "))"])
  }

  /// Puts all to sleep, and this process with them, as a machine does that is closed or a container that is paused.
  func sleepTogether(seconds: Int) throws {
    let sleepers = all.filter(\.child.isRunning)
    try wake(sleepers.map { "\($0.child.identifier)" } + ["\(getpid())"], after: Double(seconds))
    for member in sleepers { member.child.send(SIGSTOP) }
    Foundation.kill(getpid(), SIGSTOP)
  }

  /// Replaces those that are gone, and kills those that do not stop.
  func replaceEnded() throws {
    let now = Date()
    for role in [Role.publisher, .worker] {
      for (index, member) in (members[role] ?? []).enumerated() {
        if member.child.isRunning {
          if let since = member.stopping, now.timeIntervalSince(since) > Self.stopLimit { try endStopping(role, index) }
          continue
        }
        if role == .publisher, member.hasSucceeded, member.stopping == nil { continue }
        let couldBegin = !obstacles.contains { $0.from < member.began && member.began < $0.to }
        if couldBegin, !member.wasKilled, member.stopping == nil || member.hasFailed {
          endedByThemselves.append(member.name)
        }
        members[role]?[index] = try start(member.name, member.arguments)
      }
    }
  }

  private func endStopping(_ role: Role, _ index: Int) throws {
    guard let member = members[role]?[index] else { return }
    endedByThemselves.append("\(member.name) would not end")
    if member.child.send(SIGKILL) { members[role]?[index].wasKilled = true }
  }

  // MARK: Ending

  /// Whether all that there was to publish is published.
  var isPublished: Bool {
    (members[.publisher] ?? []).allSatisfy { $0.hasSucceeded && $0.stopping == nil }
  }
  /// Tells the publishers to confirm what they have begun, and no more.
  func stopPublishing() {
    for index in members[.publisher, default: []].indices {
      members[.publisher]?[index].child.send(SIGTERM)
    }
  }
  /// Tells the workers to finish what they hold, and waits until all processes are gone. One that does not end is
  /// killed, and noted like those that end too early.
  func end() async throws {
    for member in all { member.child.send(SIGCONT) }
    for member in members[.worker] ?? [] { member.child.send(SIGTERM) }
    let limit = Date().addingTimeInterval(Self.stopLimit)
    while all.contains(where: \.child.isRunning), Date() < limit {
      try await Task.sleep(for: .milliseconds(20))
    }
    for member in all where !member.wasKilled {
      if member.child.isRunning { endedByThemselves.append("\(member.name) would not end") }
      if member.hasFailed { endedByThemselves.append(member.name) }
    }
    await killAll()
  }
  /// Kills those that are left.
  func killAll() async {
    for member in all { _ = member.child.send(SIGKILL) }
    for member in all { await member.child.end() }
  }

  // MARK: Books

  /// What each publisher knows to be stored.
  func confirmed() throws -> [[Book.Entry]] {
    try (members[.publisher] ?? []).indices.map { try Book.read(confirmedBook($0)) }
  }
  /// What the workers have handled.
  func handled() throws -> [Book.Entry] { try Book.read(handledBook) }
  private func confirmedBook(_ index: Int) -> String { "\(folder)/confirmed-\(index)" }
  private var handledBook: String { "\(folder)/handled" }
}
