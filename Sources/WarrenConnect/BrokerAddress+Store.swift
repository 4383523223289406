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
    DatabaseStore(try openDatabase(as: "a store"))
  }

  /// The outbox in the application's database at this address, for a program that looks at it from outside.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unavailable`` when there is no such file; ``Warren/BrokerError/Code/notFound`` when it has
  ///   no outbox; ``Warren/BrokerError/Code/unsupported`` for the address of a RabbitMQ.
  public func openOutbox() throws(BrokerError) -> any OperableOutbox {
    let database = try openDatabase(as: "an outbox")
    let hasOutbox: Bool
    do { hasOutbox = try database.read { try $0.tableExists("warren_outbox") } } catch {
      throw BrokerError(.unavailable, "the database '\(self)' cannot be read: \(error)", underlying: error)
    }
    guard hasOutbox else {
      throw BrokerError(
        .notFound, "the database '\(self)' has no outbox: name the one that the application writes its own data to")
    }
    return Outbox(database, MessageComposer(source: "warren"))
  }

  private func openDatabase(as part: String) throws(BrokerError) -> DatabaseQueue {
    guard case .sqlite(let path) = self else {
      throw BrokerError(.unsupported, "'\(self)' cannot be \(part): name the application's database as sqlite:PATH")
    }
    // It would be made, and who mistyped a path would look at an empty one.
    guard FileManager.default.fileExists(atPath: path) else {
      throw BrokerError(.unavailable, "there is no database '\(path)': check the path")
    }
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    do {
      return try DatabaseQueue(path: path, configuration: configuration)
    } catch {
      throw BrokerError(.unavailable, "the database '\(path)' cannot be opened: \(error)", underlying: error)
    }
  }
}
