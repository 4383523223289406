internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// What has to succeed before a system serves; a signal ends it in good order.
final class FirstStep: Service {
  private let body: @Sendable () async throws -> Void
  private let isDone = Mutex(false)

  init(body: @escaping @Sendable () async throws -> Void) { self.body = body }

  /// Whether it was done, and not stopped by a signal before.
  func succeeds(_ logger: Logger) async throws -> Bool {
    let service = ServiceGroupConfiguration.ServiceConfiguration(
      service: self, successTerminationBehavior: .gracefullyShutdownGroup)
    try await ServiceGroup(
      configuration: .init(services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    ).run()
    return isDone.withLock { $0 }
  }

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown(body)
    } catch is CancellationError {
      return
    }
    isDone.withLock { $0 = true }
  }
}
