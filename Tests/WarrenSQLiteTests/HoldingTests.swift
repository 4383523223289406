import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren
import WarrenTesting

@testable import WarrenSQLite

/// What happens while another process holds the file.
@Suite struct HoldingTests {
  let folder: TemporaryFolder
  let path: String
  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("b.db")
  }

  /// Runs `body` while another program has the write lock of SQLite.
  private func whileAnotherProgramWrites<Result>(_ body: () async throws -> Result) async throws -> Result {
    var waiting = Configuration()
    waiting.busyMode = .timeout(60)
    let other = try DatabaseQueue(path: path, configuration: waiting)
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let release = DispatchSemaphore(value: 0)
    other.asyncWriteWithoutTransaction { database in
      try? database.execute(sql: "BEGIN IMMEDIATE")
      begin.finish()
      release.wait()
      try? database.execute(sql: "COMMIT")
    }
    for await _ in begun {}
    defer { release.signal() }
    return try await body()
  }

  @Test func aBrokerStopsThoughAnotherProgramHoldsTheFile() async throws {
    var configuration = SQLiteConfiguration()
    configuration.stopDeadline = .milliseconds(100)
    let broker = try SQLiteBroker(path: path, configuration: configuration)
    try await within {
      let (stop, stopNow) = AsyncStream<Void>.makeStream()
      let run = Task {
        try await broker.withBroker { broker in
          try await broker.apply(Topology(queues: ["q"]))
          try await broker.consume("q", prefetch: 1) { _ in for await _ in stop {} }
        }
      }
      while try await broker.workers().isEmpty { await Task.yield() }
      try await whileAnotherProgramWrites {
        stopNow.finish()
        try await run.value
      }
    }
  }

  @Test func openingAFileThatIsThereWaitsForNoProcess() async throws {
    try await SQLiteBroker(path: path).withBroker { try await $0.apply(Topology(queues: ["q"])) }
    let lock = try #require(FileLock(path: path + "-lock", create: false))
    lock.lock()
    defer { lock.unlock() }
    #expect(try await SQLiteBroker(path: path).queues().count == 2)
    // A service has it open.
    let service = try SQLiteBroker(path: path)
    let count = try await whileAnotherProgramWrites { try await SQLiteBroker(path: path).queues().count }
    #expect(count == 2)
    withExtendedLifetime(service) {}
  }

  @Test func openingANewFileSaysWhichProcessHoldsIt() throws {
    let lock = try #require(FileLock(path: path + "-lock", create: true))
    lock.lock()
    defer { lock.unlock() }
    var configuration = SQLiteConfiguration()
    configuration.openDeadline = .milliseconds(50)
    let settings = configuration
    let error = #expect(throws: BrokerError.self) { try SQLiteBroker(path: path, configuration: settings) }
    #expect(error?.code == .unavailable)
    #expect(
      error?.message.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true, "\(error?.message ?? "")"
    )
  }

  @Test func anOperatorDoesNotWaitForEverWhileAProcessHoldsTheFile() async throws {
    var configuration = SQLiteConfiguration()
    configuration.livenessInterval = .milliseconds(20)
    let clock = VirtualClock()
    try await SQLiteBroker(path: path, configuration: configuration, clock: clock).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      let lock = try #require(FileLock(path: path + "-lock", create: false))
      lock.lock()
      await turning(clock) {
        await expect(.deadline) { try await broker.pause("q") }
        await expect(.deadline) { _ = try await broker.purge("q") }
        await expect(.deadline) { _ = try await broker.replay(.init()) }
      }
      lock.unlock()
      try await broker.resume("q")
    }
  }

  /// On a busy machine the turn may come late: as long as others write, the file can be written.
  @Test func waitingForOnesTurnIsNoTroubleAsLongAsOthersWrite() {
    func write(_ number: Int) -> [FileStatus.Version?] {
      [.init(change: .zero, size: 4096), .init(change: .seconds(number), size: 100)]
    }
    let begin = ContinuousClock.now
    var watch = TurnWatch(write(0), until: begin + .seconds(30))
    for number in 1..<15 {
      let isOver = watch.isOver(write(number), at: begin + .seconds(2 * number))
      #expect(!isOver)
    }
    let isTooLate = watch.isOver(write(15), at: begin + .seconds(30))
    #expect(isTooLate)
    // No process has written: the one that holds it does nothing, or no log is there any more.
    var idle = TurnWatch(write(0), until: begin + .seconds(30))
    let afterAChange = idle.isOver([nil, nil], at: begin + .seconds(2))
    let afterNone = idle.isOver([nil, nil], at: begin + .seconds(4))
    #expect(!afterAChange && afterNone)
  }
}
