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
      machine.messageReturned(
        .unroutable(replyCode: 312, replyText: "NO_ROUTE"), exchange: "", routingKey: "k",
        AMQPProperties(headers: ["x-publish-sequence": .int64(Int64(number))]))
    }
    for number in 1...count { try machine.settled(UInt64(number), multiple: false, .confirmed, &completions) }
    #expect(completions.unroutable == count)
  }

  @Test("Publishes that end one behind the other are looked at together, so that many cost no more than few")
  func manyDeadlines() {
    let count = 5000
    var machine = PublishMachine(.init())
    var completions = Completions()
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    let tickets = (0..<count).map { index in
      PublishTicket(AMQPMessage(routingKey: "k", body: ""), deadline: now + .microseconds(Int64(index)))
    }
    for ticket in tickets { machine.append(ticket) }
    var looks = 0
    while let next = machine.expire(now, notSent: AMQPError(.publishTimeout, "late"), &completions) {
      #expect(next > now)
      now = next
      looks += 1
    }
    #expect(completions.notSent == count)
    #expect(looks < 50)
  }

  @Test("Where few wait, each ends when it is due")
  func fewDeadlines() {
    var machine = PublishMachine(.init())
    var completions = Completions()
    let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    for index in 0..<3 as Range<Int64> {
      machine.append(PublishTicket(AMQPMessage(routingKey: "k", body: ""), deadline: start + .milliseconds(index)))
    }
    let error = AMQPError(.publishTimeout, "late")
    #expect(machine.expire(start, notSent: error, &completions) == start + .milliseconds(1))
    #expect(machine.expire(start + .milliseconds(1), notSent: error, &completions) == start + .milliseconds(2))
    #expect(machine.expire(start + .milliseconds(2), notSent: error, &completions) == nil)
  }

  @Test("What is cancelled before its turn comes is not kept while the broker takes nothing")
  func cancelledBeforeItsTurn() {
    var machine = PublishMachine(.init())
    for _ in 0..<10_000 {
      let ticket = PublishTicket(AMQPMessage(routingKey: "k", body: ""), deadline: .distantFuture)
      machine.append(ticket)
      ticket.cancel()
      #expect(machine.waitingCalls <= 64)
    }
    let tickets = (0..<200).map { _ in PublishTicket(AMQPMessage(routingKey: "k", body: ""), deadline: .distantFuture) }
    for ticket in tickets { machine.append(ticket) }
    #expect(machine.waitingCalls >= 200)
  }
}
