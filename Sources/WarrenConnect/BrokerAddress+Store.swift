internal import Foundation
internal import GRDB
public import Warren
internal import WarrenGRDB

extension BrokerAddress {
  /// The store in the application's database at this address, for a program that looks at it from outside.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unavailable`` when there is no such file; ``Warren/BrokerError/Code/unsupported`` for the
  ///   address of a RabbitMQ, which cannot be a store.
  public func openStore() throws(BrokerError) -> any StateStore {
    guard case .sqlite(let path) = self else {
      throw BrokerError(.unsupported, "'\(self)' cannot be a store: name the application's database as sqlite:PATH")
    }
    // It would be made, and who mistyped a path would look at an empty store.
    guard FileManager.default.fileExists(atPath: path) else {
      throw BrokerError(.unavailable, "there is no database '\(path)': check the path")
    }
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    do {
      return DatabaseStore(try DatabaseQueue(path: path, configuration: configuration))
    } catch {
      throw BrokerError(.unavailable, "the database '\(path)' cannot be opened: \(error)", underlying: error)
    }
  }
}
