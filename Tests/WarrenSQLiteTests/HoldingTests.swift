import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

/// What happens while somebody else holds the file.
@Suite struct HoldingTests {
  let folder: TemporaryFolder
  let path: String
  init() throws {
    folder = try TemporaryFolder()
    path = folder.path("b.db")
  }

  /// Runs `body` while another program has the write lock of SQLite.
  private func whileAnotherProgramWrites<Result>(_ body: () async throws -> Result) async throws -> Result {
    let other = try DatabaseQueue(path: path)
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

  @Test(.disabled("run() never returns"))
  func aBrokerStopsThoughAnotherProgramHoldsTheFile() async throws {
    let broker = try SQLiteBroker(path: path)
    try await within(.seconds(15)) {
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

  @Test(.disabled("opening blocks its thread for ever"))
  func openingSaysWhoHoldsTheFile() async throws {
    try await SQLiteBroker(path: path).withBroker { _ in }
  }

  @Test func aBrokerThatCannotBeWrittenIsNoticed() async throws {
    let broker = try SQLiteBroker(path: path)
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      #expect(try await broker.diagnose().allSatisfy { $0.severity != .problem })
      let lock = try #require(FileLock(path: path + "-lock", create: false))
      lock.lock()
      let findings = try await broker.diagnose()
      lock.unlock()
      withKnownIssue { #expect(findings.contains { $0.severity == .problem }) }
    }
  }
}
