import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren
import WarrenGRDB
import WarrenSQLite
import WarrenTesting

/// The store in the application's database.
@Suite struct StoreTests {
  private static let needs: [Set<Scenario.Need>] = [[.store], [.store, .virtualTime]]

  /// What every store promises, of this one.
  @Test(arguments: Scenario.all(with: [.store, .virtualTime]).filter { needs.contains($0.needs) })
  func inTheApplicationsDatabase(_ scenario: Scenario) async throws {
    let clock = VirtualClock()
    for isInFile in [false, true] {
      let application = try Application(inFile: isInFile)
      let store = DatabaseStore(application.database, clock: clock)
      try await SQLiteBroker.inMemory(clock: clock).withBroker { broker in
        try await scenario.run(
          Bench(broker: broker, clock: clock, store: store, url: nil) { clock.advance(by: $0) })
      }
    }
  }

  @Test func recordsWhoseTimeIsOverDoNotPileUp() async throws {
    let clock = VirtualClock()
    let application = try Application()
    let store = DatabaseStore(application.database, clock: clock)
    for number in 0..<100 {
      let end = clock.now.addingTimeInterval(1)
      _ = try await store.write(Data(), to: StoreKey("test", "\(number)"), replacing: nil, until: end)
      clock.advance(by: .seconds(1))
    }
    let count = try await application.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM warren_store") }
    #expect(count == 1)
  }

  @Test func aDatabaseWithoutTheTableIsAClearError() async throws {
    let store = DatabaseStore(try DatabaseQueue())
    do {
      _ = try await store.records(of: .schedule)
      Issue.record("it is refused")
    } catch {
      #expect(error.code == .invalid && error.message.contains("registerWarrenTables"))
    }
  }

  @Test func aDatabaseOfTheFirstVersionGetsTheTable() async throws {
    let database = try DatabaseQueue()
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    try migrator.migrate(database, upTo: "warren 1: outbox and inbox")
    try migrator.migrate(database)
    #expect(try await DatabaseStore(database).records(of: .schedule).isEmpty)
  }
}
