import BrokerConformance
import Testing
import WarrenSQLite

/// A worker and its broker stop in good order, however they stand in their service group.
@Suite struct StopOrderTests {
  @Test(arguments: [true, false]) func nothingThatWasBegunIsLost(brokerFirst: Bool) async throws {
    let folder = try TemporaryFolder()
    try await stopInGoodOrder(brokerFirst: brokerFirst) { logger in
      try SQLiteBroker(path: folder.path("broker.db"), logger: logger)
    }
  }
}
