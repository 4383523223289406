import NIOCore
import Testing

@testable import AMQP

/// What becomes of publishes, without a socket.
@Suite("Publish machine")
struct PublishMachineTests {
  @Test("Of a publish that is sent again nothing is said that the first try may contradict", arguments: [true, false])
  func resentIsUnknown(_ isRefused: Bool) throws {
    var machine = PublishMachine(.init(resendsUnknown: true))
    var completions = Completions()
    var out = ByteBuffer()
    let message = AMQPMessage(routingKey: "k", properties: .init(messageID: "id"), body: "x")
    let ticket = PublishTicket(message, deadline: .distantFuture)
    machine.append(ticket)
    for connection in 0...1 {
      #expect(machine.askForConfirmMode() == true)
      machine.confirmModeIsOn()
      // The second one takes smaller frames, or closes the channel over it.
      let frameMax = connection == 1 && !isRefused ? 40 : 4096
      _ = machine.write(to: &out, channel: 1, frameMax: frameMax, &completions)
      guard connection == 0 else { break }
      machine.lost(AMQPError(.connectionLost, "lost"), mayResend: true, &completions)
    }
    if isRefused { machine.refused(AMQPError(.channelClosedByServer, "no exchange"), isPublish: true, &completions) }
    #expect(ticket.error?.code == .unknownOutcome)
  }

  @Test("Many that come back cost each its own confirm and not that of all", .timeLimit(.minutes(1)))
  func manyReturns() throws {
    let count = 100_000
    var machine = PublishMachine(.init(maxOutstanding: count, maxOutstandingBytes: .max))
    var completions = Completions()
    var out = ByteBuffer()
    let ticket = PublishTicket(
      Array(repeating: AMQPMessage(routingKey: "k", body: ""), count: count), deadline: .distantFuture)
    machine.append(ticket)
    #expect(machine.askForConfirmMode() == true)
    machine.confirmModeIsOn()
    while machine.write(to: &out, channel: 1, frameMax: 4096, &completions) { out.clear() }
    for number in 1...count {
      machine.handedBack(
        .unroutable(replyCode: 312, replyText: "NO_ROUTE"), exchange: "", routingKey: "k",
        AMQPProperties(headers: ["x-publish-sequence": .int64(Int64(number))]))
    }
    for number in 1...count { try machine.settled(UInt64(number), multiple: false, .confirmed, &completions) }
    #expect(completions.unroutable == count)
  }
}
