import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenTesting
import WarrenSQLite

/// The suite that every engine passes, over SQLite in memory, in a file, and in a file by real time with real processes.
@Suite struct ConformanceTests {
  private static let means: Set<Scenario.Need> = [.priority, .notedBeginnings, .takesBack, .locks, .store]

  @Test(arguments: Scenario.all(with: means.union([.virtualTime])))
  func inMemory(_ scenario: Scenario) async throws {
    let clock = VirtualClock()
    try await run(scenario, on: try SQLiteBroker.inMemory(clock: clock), clock, url: nil) { clock.advance(by: $0) }
  }

  @Test(arguments: Scenario.all(with: means.union([.virtualTime])))
  func inFile(_ scenario: Scenario) async throws {
    let folder = try TemporaryFolder()
    let clock = VirtualClock()
    let broker = try SQLiteBroker(path: folder.path("broker.db"), clock: clock)
    try await run(scenario, on: broker, clock, url: nil) { clock.advance(by: $0) }
  }

  @Test(arguments: Scenario.all(with: means.union([.otherProcesses])))
  func inFileByRealTime(_ scenario: Scenario) async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("broker.db")
    let broker = try SQLiteBroker(path: path)
    try await run(scenario, on: broker, SystemClock(), url: "sqlite:\(path)") { try await Task.sleep(for: $0) }
  }

  private func run(
    _ scenario: Scenario, on broker: SQLiteBroker, _ clock: any BrokerClock, url: String?,
    advance: @escaping @Sendable (Duration) async throws -> Void
  ) async throws {
    try await broker.withBroker { broker in
      try await scenario.run(Bench(broker: broker, clock: clock, url: url, advance: advance))
    }
  }
}

/// A folder that goes when the test does.
final class TemporaryFolder: Sendable {
  private let url: URL
  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("warren-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }
  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}
