package import Accounts
internal import EventBookingRepositories
package import Foundation
package import Mail
package import ServiceLifecycle
package import Warren

/// All business rules. Only this layer calls repositories.
package struct Modules: Sendable {
  private let repositories: Repositories
  package let accounts: AccountModule
  package let events: EventModule
  package let bookings: BookingModule
  package let updates: UpdateModule
  package let mails: MailModule

  /// - Parameters:
  ///   - data: the directory of the application's own file.
  ///   - tokens: what signs the tokens of those who log in.
  ///   - administrator: who may see the queues; `nil`: there is none.
  ///   - mailer: where mails go.
  ///   - sender: who they come from.
  package init(
    data: URL, broker: any InspectableBroker, tokens: Tokens, administrator: Administrator?, mailer: any Mailer,
    sender: MailAddress
  ) throws {
    repositories = try Repositories(data: data, broker: broker, mailer: mailer)
    accounts = try AccountModule(repositories: repositories, tokens: tokens, administrator: administrator)
    events = EventModule(repositories: repositories)
    bookings = BookingModule(repositories: repositories)
    updates = UpdateModule(repositories: repositories)
    mails = MailModule(repositories: repositories, sender: sender)
  }

  /// What has to stand at the broker before anything is served.
  package static func topology() throws -> Topology { try QueueModule.topology() }

  /// Carries to the queue what was saved with bookings and changes.
  package func relay(to broker: any Broker) -> any Service { repositories.relay(to: broker) }

  /// What waits to be carried there, for those who operate it.
  package var outbox: any OperableOutbox { repositories.operableOutbox }

  /// Runs what several modules do as one transaction: all of it is saved, or nothing.
  package func atomically<Value: Sendable>(
    _ body: @escaping @Sendable (Work) throws -> Value
  ) async throws -> Value {
    try await repositories.write { try body(Work(transaction: $0)) }
  }
}

/// The transaction that modules work in together.
package struct Work {
  let transaction: Transaction
}
