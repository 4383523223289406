internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import Hummingbird
internal import Logging
internal import ServiceLifecycle
internal import Warren
internal import WarrenGRDB

/// A service in this process.
struct Member: Sendable {
  let identity: Identity
  let content: any ServiceContent

  /// - Parameter data: the directory of the data files.
  init(_ identity: Identity, data: URL) throws {
    func store(_ tables: @escaping @Sendable (Database) throws -> Void) throws -> ServiceStore {
      try ServiceStore(identity, data: data, tables: tables)
    }
    self.identity = identity
    content =
      switch identity.kind {
      case .users: UsersService(try store(UsersService.tables))
      case .publications: PublicationsService(identity, try store(PublicationsService.tables))
      case .tickets: TicketsService(identity, try store(TicketsService.tables))
      case .market: MarketService(identity, try store(MarketService.tables))
      case .notifications: NotificationsService(identity, try store(NotificationsService.tables))
      case .email:
        EmailService(
          mailer: try MailSettings.mailer(data: data), from: try MailSettings.sender(default: "hello@backstage.example")
        )
      case .analytics: AnalyticsService(identity, try store(AnalyticsService.tables))
      }
  }

  /// What runs: the relay of its outbox, its inbox, which forgets what is old, and its worker.
  func parts(on broker: any Broker, logger: Logger) throws -> [any Service] {
    var parts: [any Service] = []
    if let store = content.store {
      parts += [OutboxRelay(store.bus.outbox, to: broker, logger: logger), store.inbox] as [any Service]
    }
    let handlers = content.handlers()
    if !handlers.isEmpty { parts.append(try Worker(broker, name: identity.name, logger: logger) { handlers }) }
    return parts
  }
}
