import NIOCore
import Testing

@testable import AMQP

/// What ends on a channel while other things go on there.
@Suite("Channel machine, ends")
struct ChannelEndTests {
  @Test("A call that is not what the broker closes the channel over may be tried again", arguments: [true, false])
  func bystander(_ isOverIt: Bool) throws {
    var shell = ChannelShell()
    try shell.becomeReady()
    let outcome = shell.submit(ChannelMachineTests.declare)
    let cause =
      isOverIt
      ? ChannelMachineTests.declare.id
      : Method.basicPublish(exchange: "", routingKey: "", mandatory: true, immediate: false).id
    try shell.receive(
      .channelClose(
        CloseReason(replyCode: 404, replyText: "NOT_FOUND - no x", classID: cause.classID, methodID: cause.methodID)))
    guard case .failure(let error) = outcome.results.first else { return #expect(Bool(false)) }
    #expect(error.replyCode == 404 && error.isRetryable == !isOverIt)
  }

  @Test("A delivery that comes behind the end of its consumer goes back, also if many others have ended since")
  func lateDelivery() throws {
    var shell = ChannelShell()
    try shell.becomeReady()
    for index in 0..<100 {
      let consumer = NotedConsumer("c\(index)")
      _ = shell.add(consumer)
      try shell.receive(.basicQosOk)
      try shell.receive(.basicConsumeOk(consumerTag: consumer.tag))
      shell.run(shell.machine.leave(consumer, .cancel, nil, now: shell.now))
      try shell.receive(.basicCancelOk(consumerTag: consumer.tag))
    }
    let deliver = BasicDeliver(consumerTag: "c0", deliveryTag: 1, redelivered: false, exchange: "", routingKey: "q")
    guard case .late = try shell.machine.delivered(deliver, isReadable: true) else { return #expect(Bool(false)) }
  }
}
