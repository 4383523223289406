internal import AMQP
internal import ArgumentParser
internal import Measuring

/// One `await` for each message, by as many tasks as the window allows confirms, or by `--tasks`.
struct Publish: AsyncParsableCommand {
  @OptionGroup var load: Load
  @Option var tasks: Int?

  func run() async throws {
    let load = load
    let tasks = tasks ?? load.window
    try await load.connect { connection in
      let channel = try await connection.openChannel(.init(maxOutstanding: load.window))
      let message = load.message
      try await Share.split(load.warm, among: tasks) { _ in try await channel.publish(message) }
      let begin = Usage.now
      try await Share.split(load.count, among: tasks) { _ in try await channel.publish(message) }
      begin.report(load.count)
    }
  }
}

/// Batches of one call, as many at once as fill the window.
struct Batches: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "batch")
  @OptionGroup var load: Load
  @Option var batch = 100

  func run() async throws {
    let (load, batch) = (load, batch)
    let tasks = (load.window + batch - 1) / batch
    try await load.connect { connection in
      let channel = try await connection.openChannel(.init(maxOutstanding: load.window))
      let messages = Array(repeating: load.message, count: batch)
      let publish: @Sendable (Int) async throws -> Void = { _ in
        for result in await channel.publish(messages) { if let error = result.error { throw error } }
      }
      try await Share.split(load.warm / batch, among: tasks, publish)
      let begin = Usage.now
      try await Share.split(load.count / batch, among: tasks, publish)
      begin.report(load.count)
    }
  }
}
