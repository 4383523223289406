internal import ArgumentParser
internal import ExampleSupport
internal import Foundation
internal import Warren

/// Documents, comments and users. The API saves a change together
/// with its event and answers; the worker notifies, indexes and counts.
@main struct BookSpace: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bookspace",
    abstract: "Documents whose changes are handled in the background.",
    discussion: """
      A handler can be made to fail or to take its time, for trying out retries and dead letters: see Examples/README.md.
      """)

  @Argument(help: "Which part of the system: api, worker or all.")
  var role = Role.all
  @OptionGroup var options: SystemOptions

  func run() async throws {
    let topology = try Layout.topology()
    let system = try ExampleSystem(
      role, options, .init(name: "bookspace", port: 3003, metricsPort: 9003), topology: topology)
    let store = try Store(file: system.data.appending(path: "bookspace.db"))
    let handlers = EventHandlers(store: store, faults: Faults(directory: system.data))
    try await system.run(
      worker: try handlers.worker(on: system.broker, logger: system.logger),
      beside: [store.relay(to: system.broker, engine: system.engine, logger: system.logger)],
      routes: { BookSpaceAPI(store: store).add(to: $0) })
  }
}
