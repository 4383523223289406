internal import AMQP
internal import ArgumentParser
internal import Measuring
internal import NIOCore

/// From just before the publish to the delivery, WINDOW messages a second. No confirm is waited for before the next message.
struct Latency: AsyncParsableCommand {
  @OptionGroup var load: Load

  func run() async throws {
    let load = load
    let total = load.count + load.warm
    try await load.connect { connection in
      let publishing = try await connection.openChannel()
      let deliveries = try await connection.openChannel().consume(load.place.queue, prefetch: 256)
      let begin = Usage.now
      let times = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await withThrowingDiscardingTaskGroup { publishes in
            let start = ContinuousClock.now
            for number in 0..<total {
              try await Task.sleep(until: start + .seconds(1) / load.window * number, tolerance: .zero)
              let sent = clockNanoseconds()
              publishes.addTask { try await publishing.publish(stamped(load, sent)) }
            }
          }
        }
        var times: [Double] = []
        for try await delivery in deliveries {
          let now = clockNanoseconds()
          var body = delivery.body
          times.append(Double(now - (body.readInteger(as: UInt64.self) ?? 0)) / 1e6)
          delivery.ack()
          if times.count == total { break }
        }
        try await group.waitForAll()
        return times
      }
      begin.report(load.count, quantiles(Array(times.dropFirst(load.warm))))
    }
  }
}

private func stamped(_ load: Load, _ sent: UInt64) -> AMQPMessage {
  var body = ByteBuffer(integer: sent)
  body.writeRepeatingByte(UInt8(ascii: "x"), count: max(0, load.size - 8))
  return AMQPMessage(routingKey: load.place.queue, mandatory: false, body: body)
}
