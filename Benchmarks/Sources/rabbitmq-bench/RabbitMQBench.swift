internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Telemetry
internal import Tracing
internal import Warren
internal import WarrenRabbitMQ

/// Measures the RabbitMQ engine through the whole of Warren: typed, encoded, confirmed, delivered, decoded, handled, settled.
/// Each command prints one line of JSON.
@main
struct RabbitMQBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rabbitmq-bench",
    subcommands: [Cycle.self, Enqueue.self, Work.self, Delays.self, Steady.self, Serve.self])
}

/// The job of all cases: a body of about 128 bytes.
struct Task128: JobMessage {
  static let name: MessageName = "bench.task"
  static let queue: Queue = "bench"
  var number: Int
  /// When it is due, in microseconds since 1970.
  var due: Int64 = 0
  var fill = String(repeating: "x", count: 29)
}

let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

struct Place: ParsableArguments {
  @Option(help: "amqp://…") var broker: String
  @Flag(help: "With a tracer installed that carries a trace in each message.") var traced = false

  func open(publishDeadline: Duration = .seconds(30)) throws -> RabbitMQBroker {
    if traced { InstrumentationSystem.bootstrap(HeaderTracer()) }
    var configuration = RabbitMQConfiguration()
    configuration.publishDeadline = publishDeadline
    return try RabbitMQBroker(url: broker, configuration: configuration, logger: quiet)
  }
}

/// A worker that does nothing but call `handle`.
func worker(
  _ broker: RabbitMQBroker, concurrency: Int, _ handle: @escaping @Sendable (Task128) -> Void
) throws -> Worker {
  try Worker(broker, name: "bench", logger: quiet) {
    On(Task128.self) { job, _ in handle(job) }.concurrency(concurrency)
  }
}

/// Runs `body` beside the worker, whose failure ends the process: nothing else would come to do its work.
func during(_ worker: Worker, _ body: () async throws -> Void) async throws {
  let working = Task {
    do { try await worker.run() } catch {
      if Task.isCancelled { return }
      FileHandle.standardError.write(Data("the worker failed: \(error)\n".utf8))
      exit(1)
    }
  }
  try await body()
  working.cancel()
  await working.value
}
