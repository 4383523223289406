internal import ArgumentParser
internal import UnixSignals
internal import Warren
internal import WarrenOperations

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures the broker: messages a second, latency, and whether each came exactly once.",
    discussion: """
      It publishes messages of its own into a queue that it makes, takes them out again, and deletes the queue; Ctrl-C ends it in \
      good order. Other queues are not touched, but what else uses the broker becomes slower meanwhile.

      The first figures are of many messages at a time; the latency is of one after the other, from publishing to the consumer. \
      The exit status is 1 when a message was lost or came twice, or the time was up.
      """)
  @OptionGroup var options: GlobalOptions
  @Option(help: ArgumentHelp("How many messages, 1 to 1000000.", valueName: "count"))
  var messages = CountArgument(count: 10_000)
  @Option(help: ArgumentHelp("How large each is, 8 to 1048576 bytes.", valueName: "bytes"))
  var size = CountArgument(count: 256)
  @Option(help: ArgumentHelp("How many are published with one call, 1 to 1000.", valueName: "count"))
  var batch = CountArgument(count: 50)
  @Option(help: ArgumentHelp("How many tasks publish, and how many handle, 1 to 256.", valueName: "count"))
  var concurrency = CountArgument(count: 8)
  @Option(help: ArgumentHelp("How many messages the latency is measured with, 1 to 10000.", valueName: "count"))
  var samples = CountArgument(count: 200)
  @Option(help: ArgumentHelp("When it is given up, at most 1h.", valueName: "duration"))
  var timeout = DurationArgument(seconds: 60)

  func validate() throws {
    for (name, value, range) in [
      ("messages", messages.count, 1...1_000_000), ("size", size.count, 8...1_048_576),
      ("batch", batch.count, 1...1000),
      ("concurrency", concurrency.count, 1...256), ("samples", samples.count, 1...10_000),
    ] where !range.contains(value) {
      throw ValidationError("--\(name): \(range.lowerBound) to \(range.upperBound)")
    }
    if !(0.1...3600).contains(timeout.seconds) { throw ValidationError("--timeout: 100ms to 1h") }
  }

  func run() async throws {
    let plan = MeasurementPlan(
      messages: messages.count, size: size.count, batch: batch.count, concurrency: concurrency.count,
      samples: samples.count, deadline: .clamped(seconds: timeout.seconds))
    let printer = Printer(options)
    let measurement = try await options.withOperations { operations in
      let work = Task {
        try await operations.measure(plan) { handled in
          if printer.terminal.showsProgress { StandardError.progress("\(handled) of \(plan.messages)") }
        }
      }
      // What was begun is put away first, so a signal ends the measurement and not the process.
      let signals = Task { for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { work.cancel() } }
      defer { signals.cancel() }
      return try await work.value
    }
    if printer.terminal.showsProgress { StandardError.progress("") }
    try printer.thing(measurement) { text(measurement, printer) }
    if measurement.published < plan.messages + plan.samples || measurement.lost > 0 {
      StandardError.error(
        "it did not come to its end: \(measurement.published) were stored and \(measurement.handled) handled")
      throw ExitStatus.failure
    }
    if !measurement.isExact { throw ExitStatus.failure }
  }

  private func text(_ measurement: Measurement, _ printer: Printer) -> String {
    // When the time was up before a sample was taken, there is no latency to show.
    func milliseconds(_ value: Double) -> String { value == 0 ? "" : "\((value * 100).rounded() / 100) ms" }
    return printer.card([
      ("engine", measurement.engine), ("published a second", "\(Int(measurement.publishedPerSecond))"),
      ("handled a second", "\(Int(measurement.handledPerSecond))"),
      ("latency, median", milliseconds(measurement.latency.median)),
      ("latency, 99 of 100", milliseconds(measurement.latency.p99)),
      ("latency, longest", milliseconds(measurement.latency.longest)),
      ("delivered", measurement.isExact ? "\(measurement.handled), each exactly once" : "\(measurement.handled)"),
      ("did not come", measurement.lost == 0 ? "" : "\(measurement.lost)"),
      ("came again", measurement.repeated == 0 ? "" : "\(measurement.repeated)"),
    ])
  }
}
