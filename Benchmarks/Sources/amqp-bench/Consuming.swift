internal import AMQP
internal import ArgumentParser
internal import Measuring

/// Each delivery settled by itself. The time ends when the broker has answered what comes after the last acknowledgement.
struct Consume: AsyncParsableCommand {
  @OptionGroup var load: Load

  func run() async throws {
    let load = load
    try await load.connect { connection in
      let channel = try await connection.openChannel()
      let deliveries = try await channel.consume(load.place.queue, prefetch: UInt16(load.window))
      var begin = Usage.now
      var seen = 0
      for try await delivery in deliveries {
        if seen == load.warm { begin = .now }
        delivery.ack()
        seen += 1
        if seen == load.count + load.warm { break }
      }
      await deliveries.cancel()
      begin.report(load.count)
    }
  }
}
