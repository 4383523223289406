internal import ArgumentParser
internal import Foundation
internal import ServiceLifecycle
internal import Warren

/// Holds a named lock until it is told to stop, or killed.
struct Lock: AsyncParsableCommand {
  @OptionGroup var option: BrokerOption
  @Option var name: String

  func run() async throws {
    let broker = try option.open()
    guard let locking = broker as? any LockingBroker else { throw ValidationError("this engine has no locks") }
    try await serve(broker, Holder(broker: locking, name: LockName(name)), option.logger)
  }

  private struct Holder: Service {
    let broker: any LockingBroker
    let name: LockName

    func run() async throws {
      try await broker.withLock(name) {
        say("locked")
        try await gracefulShutdown()
      }
    }
  }
}
