internal import AMQP
internal import ArgumentParser
internal import Dispatch
internal import NIOCore
internal import Synchronization

/// The client against a broker in this process that costs next to nothing, for valgrind to count instructions and allocations.
///
/// Its main function waits and is not async, since valgrind does not survive the end of the main thread that an async one means.
@main
struct AMQPCosts: ParsableCommand {
  enum Case: String, ExpressibleByArgument, CaseIterable { case single, batch, consume }
  @Argument(
    help: "single: a publish awaits its confirm; batch: a call for 100; consume: each delivery settled by itself.")
  var what: Case
  @Argument(help: "Messages, in hundreds.") var hundreds: Int

  func run() throws {
    let (what, hundreds) = (what, hundreds)
    let failure = Mutex<(any Error)?>(nil)
    let end = DispatchSemaphore(value: 0)
    Task {
      do { try await Self.measure(what, hundreds) } catch { failure.withLock { $0 = error } }
      end.signal()
    }
    end.wait()
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private static func measure(_ what: Case, _ hundreds: Int) async throws {
    let server = try FakeServer()
    server.start()
    let place = "amqp://guest:guest@127.0.0.1:\(server.port)"
    try await AMQPConnection.withConnection(AMQPConfiguration(uri: place)) { connection in
      let channel = try await connection.openChannel()
      let message = AMQPMessage(routingKey: "bench", body: ByteBuffer(repeating: UInt8(ascii: "x"), count: 128))
      switch what {
      case .single: for _ in 0..<hundreds * 100 { try await channel.publish(message) }
      case .batch:
        let messages = Array(repeating: message, count: 100)
        for _ in 0..<hundreds {
          for result in await channel.publish(messages) { if let error = result.error { throw error } }
        }
      case .consume:
        let deliveries = try await channel.consume("bench", prefetch: 100)
        var seen = 0
        for try await delivery in deliveries {
          delivery.ack()
          seen += 1
          if seen == hundreds * 100 { break }
        }
        await deliveries.cancel()
      }
    }
  }
}
