internal import AMQP
internal import ArgumentParser
internal import NIOCore

/// The AMQP client under load, with the arguments that its peers take. Each command prints one line of JSON.
@main
struct AMQPBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "amqp-bench",
    subcommands: [
      Publish.self, Batches.self, Consume.self, Latency.self, Reset.self, Delete.self, Purge.self,
      Depth.self,
    ])
}

/// A queue of the broker on this machine.
struct Place: ParsableArguments {
  @Argument var port: Int
  @Argument var queue: String

  func connect(_ body: @Sendable (AMQPConnection) async throws -> Void) async throws {
    try await AMQPConnection.withConnection(AMQPConfiguration(uri: "amqp://guest:guest@127.0.0.1:\(port)"), body)
  }
}

/// What all clients are asked to do.
struct Load: ParsableArguments {
  @OptionGroup var place: Place
  @Argument(help: "Messages that are measured.") var count: Int
  @Argument(help: "Messages before those.") var warm: Int
  @Argument(help: "Confirms that may be out, or the prefetch.") var window: Int
  @Argument(help: "Bytes of a body.") var size: Int
  @Flag(help: "Run the tasks on the connection's event loop.") var onLoop = false

  func connect(_ body: @Sendable (AMQPConnection) async throws -> Void) async throws {
    try await place.connect { connection in
      // A preference is looked up at every turn of a task, even one for the default executor: none is set where none is wanted.
      guard onLoop else { return try await body(connection) }
      try await withTaskExecutorPreference(connection.executor) { try await body(connection) }
    }
  }

  var message: AMQPMessage {
    AMQPMessage(routingKey: place.queue, mandatory: false, body: ByteBuffer(repeating: UInt8(ascii: "x"), count: size))
  }
}

/// An empty quorum queue.
struct Reset: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option(help: "Keep only so many messages.") var keep: Int?

  func run() async throws {
    let (queue, keep) = (place.queue, keep)
    try await place.connect { connection in
      let channel = try await connection.openChannel()
      try await channel.deleteQueue(queue)
      var arguments: AMQPTable = ["x-queue-type": "quorum"]
      if let keep { arguments["x-max-length"] = .int64(Int64(keep)) }
      try await channel.declareQueue(queue, arguments: arguments)
    }
  }
}

struct Delete: AsyncParsableCommand {
  @OptionGroup var place: Place

  func run() async throws {
    let queue = place.queue
    try await place.connect { try await $0.openChannel().deleteQueue(queue) }
  }
}

struct Purge: AsyncParsableCommand {
  @OptionGroup var place: Place

  func run() async throws {
    let queue = place.queue
    try await place.connect { _ = try await $0.openChannel().purgeQueue(queue) }
  }
}

/// How many messages a queue holds.
struct Depth: AsyncParsableCommand {
  @OptionGroup var place: Place

  func run() async throws {
    let queue = place.queue
    try await place.connect { print(try await $0.openChannel().queueInfo(queue).messageCount) }
  }
}
