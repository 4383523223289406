internal import Foundation
internal import Warren

/// The processes of a test, and their books: publishers, each with its share of the numbers, and workers. One that was killed
/// is replaced; one that ends by itself before it is told to is noted.
actor TestProcesses {
  private struct Member {
    let name: String
    let arguments: [String]
    var child: Child
    var wasKilled = false
  }
  nonisolated let queue: QueueName
  private let folder: String
  private let spared: Int
  private var publishers: [Member] = []
  private var workers: [Member] = []
  private(set) var endedByThemselves: [String] = []
  /// How many were killed.
  private(set) var kills = (publishers: 0, workers: 0)

  /// Starts it.
  ///
  /// - parameters:
  ///   - shares: The numbers of each publisher.
  ///   - spared: How many of either kind are never killed: they must get through by themselves.
  ///   - pause: Milliseconds between two messages of one task of a publisher.
  init(
    broker: String, queue: QueueName, folder: String, shares: [Range<Int>], workers count: Int, spared: Int = 0,
    pause: Int
  )
    async throws
  {
    self.queue = queue
    self.folder = folder
    self.spared = spared
    for (index, share) in shares.enumerated() {
      publishers.append(
        try start(
          "publisher-\(index)",
          [
            "publish", "--queue", queue.rawValue, "--prefix", "m", "--from", "\(share.lowerBound)", "--to",
            "\(share.upperBound)", "--pause", "\(pause)", "--log", confirmedBook(index), "--broker", broker,
            "--verbose",
          ]))
    }
    for index in 0..<count {
      workers.append(
        try start(
          "worker-\(index)", ["work", "--queue", queue.rawValue, "--log", handledBook, "--broker", broker, "--verbose"])
      )
    }
  }

  private func start(_ name: String, _ arguments: [String]) throws -> Member {
    let child = try Child(CommandLine.arguments[0], arguments, errors: "\(folder)/\(name).log")
    try child.start()
    return Member(name: name, arguments: arguments, child: child)
  }

  // MARK: Killing

  func killPublisher(using random: inout Seeded) {
    let index = Int.random(in: spared..<publishers.count, using: &random)
    if Self.kill(&publishers[index]) { kills.publishers += 1 }
  }
  func killWorker(using random: inout Seeded) {
    let index = Int.random(in: spared..<workers.count, using: &random)
    if Self.kill(&workers[index]) { kills.workers += 1 }
  }
  private static func kill(_ member: inout Member) -> Bool {
    guard member.child.kill() else { return false }
    member.wasKilled = true
    return true
  }

  /// Replaces those that are gone.
  func replaceEnded() throws {
    for (index, member) in publishers.enumerated() where !member.child.isRunning && !member.child.hasSucceeded {
      if !member.wasKilled { endedByThemselves.append(member.name) }
      publishers[index] = try start(member.name, member.arguments)
    }
    for (index, member) in workers.enumerated() where !member.child.isRunning {
      if !member.wasKilled { endedByThemselves.append(member.name) }
      workers[index] = try start(member.name, member.arguments)
    }
  }

  // MARK: Ending

  /// Whether all that there was to publish is published.
  var isPublished: Bool { publishers.allSatisfy { $0.child.hasSucceeded } }
  /// Tells the publishers to confirm what they have begun, and no more.
  func stopPublishing() { for member in publishers { member.child.terminate() } }
  /// Tells the workers to finish what they hold, and waits until all processes are gone. One that does not end is
  /// killed, and noted like those that end too early.
  func end() async throws {
    for member in workers { member.child.terminate() }
    let limit = Date().addingTimeInterval(35)
    while (publishers + workers).contains(where: \.child.isRunning), Date() < limit {
      try await Task.sleep(for: .milliseconds(20))
    }
    for member in publishers + workers where !member.wasKilled {
      if member.child.isRunning { endedByThemselves.append("\(member.name) would not end") }
      if member.child.hasFailed { endedByThemselves.append(member.name) }
    }
    await dismiss()
  }
  /// Kills those that are left.
  func killAll() async {
    for member in publishers + workers { _ = member.child.kill() }
    for member in publishers + workers { await member.child.end() }
  }

  // MARK: Books

  /// What each publisher knows to be stored.
  func confirmed() throws -> [[Book.Entry]] { try publishers.indices.map { try Book.read(confirmedBook($0)) } }
  /// What the workers have handled.
  func handled() throws -> [Book.Entry] { try Book.read(handledBook) }
  private func confirmedBook(_ index: Int) -> String { "\(folder)/confirmed-\(index)" }
  private var handledBook: String { "\(folder)/handled" }
}
