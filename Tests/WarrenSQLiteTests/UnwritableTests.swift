import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

/// A broker that cannot be written is noticed by a service that asks whether it is ready, and by diagnosis, in each of the
/// ways in which that happens.
@Suite struct UnwritableTests {
  /// What happens to a file while a service has it open.
  enum Trouble: String, CaseIterable {
    case logIsGone, indexIsGone, fileIsGone, fileIsReplaced, fileIsEmptied, diskIsFull, anotherHoldsTheTurn
  }

  @Test(arguments: Trouble.allCases)
  func aBrokerThatCannotBeWrittenIsNoticed(_ trouble: Trouble) async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("b.db")
    var configuration = SQLiteConfiguration()
    configuration.probeDeadline = .milliseconds(50)
    configuration.stopDeadline = .milliseconds(100)
    try await SQLiteBroker(path: path, configuration: configuration).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      // A busy machine may take longer than this short deadline to write.
      try await eventually { (try? await broker.differences(from: Topology())) != nil }
      try await eventually { try await broker.glance().allSatisfy { $0.severity != .problem } }
      let lock = try #require(FileLock(path: path + "-lock", create: false))
      try await bring(trouble, to: broker, path, lock)
      _ = await #expect(throws: BrokerError.self) { _ = try await broker.differences(from: Topology()) }
      // What cannot even be read is an error of the look itself.
      let findings = try? await broker.glance()
      #expect(findings?.contains { $0.severity == .problem } ?? true)
      if trouble == .anotherHoldsTheTurn {
        #expect(findings?.contains { $0.text.contains("holds it") } == true)
        lock.unlock()
        try await eventually { (try? await broker.differences(from: Topology())) != nil }
      }
      lock.unlock()
    }
  }

  private func bring(
    _ trouble: Trouble, to broker: SQLiteBroker, _ path: String, _ lock: FileLock
  ) async throws {
    let files = FileManager.default
    switch trouble {
    case .logIsGone: try files.removeItem(atPath: path + "-wal")
    case .indexIsGone: try files.removeItem(atPath: path + "-shm")
    case .fileIsGone: try files.removeItem(atPath: path)
    case .fileIsReplaced:
      try files.copyItem(atPath: path, toPath: path + "-copy")
      try files.removeItem(atPath: path)
      try files.moveItem(atPath: path + "-copy", toPath: path)
    case .fileIsEmptied: #expect(truncate(path, 0) == 0)
    case .diskIsFull:
      // No page more than there are, and each transaction wants many.
      try await broker.file.database.writeWithoutTransaction { database in
        try database.execute(
          sql: """
            CREATE TABLE filler (a);
            CREATE TRIGGER filling BEFORE UPDATE ON meta BEGIN INSERT INTO filler VALUES (zeroblob(99999)); END;
            PRAGMA max_page_count = 1;
            """)
      }
    case .anotherHoldsTheTurn: lock.lock()
    }
  }
}
