import NIOCore
import Testing

@testable import AMQP

/// A channel under events in any order.
@Suite("Channel machine, at random")
struct RandomChannelTests {
  typealias Shell = ChannelShell
  typealias Outcome = RequestOutcome
  typealias Consumer = NotedConsumer

  /// What waits, and how often each has ended.
  private struct Work {
    var outcomes: [Outcome] = []
    var tickets: [PublishTicket] = []
    var consumers: [Consumer] = []
    var published: UInt64 = 0
    /// What the broker was sent and has not answered, in order.
    var answered = 0
  }

  /// Answers the oldest request on the wire as a broker does.
  private func answer(_ shell: inout Shell, _ work: inout Work) throws {
    guard work.answered < shell.sent.count, shell.hasNumber else { return }
    let method = shell.sent[work.answered]
    work.answered += 1
    switch method {
    case .channelOpen: try shell.receive(.channelOpenOk)
    case .channelClose: if shell.machine.isClosing { try shell.receive(.channelCloseOk) }
    case .queueDeclare: try shell.receive(ChannelMachineTests.declared)
    case .basicQos: try shell.receive(.basicQosOk)
    case .basicConsume(let consume): try shell.receive(.basicConsumeOk(consumerTag: consume.consumerTag))
    case .basicCancel(let tag, _): try shell.receive(.basicCancelOk(consumerTag: tag))
    case .confirmSelect: try shell.receive(.confirmSelectOk)
    default: break
    }
  }

  @Test("Every waiter ends exactly once, nothing is sent without a number, and nothing stays behind", arguments: 1...30)
  func random(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    var shell = Shell(.init(maxOutstanding: 5, resendsUnknown: Bool.random(using: &generator)))
    var work = Work()
    for step in 0..<3000 {
      if shell.machine.isClosed {
        check(shell, work)
        shell = Shell(.init(maxOutstanding: 5, resendsUnknown: Bool.random(using: &generator)))
        work = Work()
      }
      let number = shell.hasNumber
      switch pick(0..<60) {
      case 0..<6: if shell.machine.isDown { shell.open() }
      case 6..<24: try answer(&shell, &work)
      case 24..<30: work.outcomes.append(shell.submit(ChannelMachineTests.declare))
      case 30..<33:
        let consumer = Consumer("c\(step)")
        work.consumers.append(consumer)
        work.outcomes.append(shell.add(consumer))
      case 33..<40:
        work.tickets.append(shell.publish(pick(1..<4), id: pick(0..<2) == 0 ? "id" : nil, within: Int64(pick(1..<60))))
      case 40..<46:
        let next = shell.machine.publishing.next
        if next > 1, shell.hasNumber {
          try shell.machine.publishing.settled(
            UInt64(pick(1..<Int(next))), multiple: pick(0..<3) == 0, pick(0..<4) == 0 ? .nacked : .confirmed,
            &shell.completions)
          shell.pump()
        }
      case 46:
        if let consumer = work.consumers.randomElement(using: &generator) {
          let outcome = Outcome()
          work.outcomes.append(outcome)
          shell.run(shell.machine.leave(consumer, pick(0..<2) == 0 ? .cancel : .stop, outcome.request, now: shell.now))
        }
      case 47..<50:
        if let outcome = work.outcomes.filter(\.isOpen).randomElement(using: &generator) {
          let code: AMQPError.Code = pick(0..<2) == 0 ? .cancelled : .replyTimeout
          shell.run(shell.machine.giveUp(outcome.request, AMQPError(code, ""), now: shell.now, &shell.completions))
        }
      case 50:
        shell.now = shell.now + .seconds(Int64(pick(1..<40)))
        _ = shell.machine.publishing.expire(shell.now, notSent: AMQPError(.publishTimeout, ""), &shell.completions)
        shell.run(shell.machine.publishesExpired(now: shell.now, &shell.completions))
        shell.run(shell.machine.answerIsOverdue(now: shell.now, &shell.completions))
      case 51: shell.lose()
      case 52 where shell.machine.isOpen:
        let reason = CloseReason(
          replyCode: pick(0..<2) == 0 ? 404 : 405, replyText: "NOT_FOUND - no queue", classID: 60, methodID: 20)
        try shell.receive(.channelClose(reason))
      case 53 where shell.machine.isOpen: try shell.receive(.channelFlow(active: pick(0..<2) == 0))
      case 54 where shell.machine.isOpen:
        if let consumer = shell.machine.consumers.values.first(where: \.isSubscribed) {
          try shell.receive(.basicCancel(consumerTag: consumer.tag, noWait: true))
        }
      case 55 where pick(0..<8) == 0:
        let outcome = Outcome()
        work.outcomes.append(outcome)
        shell.run(shell.machine.close(outcome.request, &shell.completions))
      case 56 where pick(0..<8) == 0:
        shell.run(shell.machine.end(AMQPError(.connectionClosed, ""), quietly: true, &shell.completions))
      case 57: shell.run(shell.machine.openingTimedOut())
      default: break
      }
      // Another number: what was sent on the one before gets no answer any more.
      if !shell.hasNumber || !number {
        work.answered = shell.hasNumber ? shell.sent.lastIndex(of: .channelOpen) ?? 0 : shell.sent.count
      }
      if let open = shell.sent.lastIndex(of: .channelOpen), shell.hasNumber { work.answered = max(work.answered, open) }
      #expect(work.outcomes.allSatisfy { $0.results.count <= 1 })
      #expect(shell.machine.publishing.outstanding >= 0 && shell.machine.publishing.outstanding <= 5 * 3)
      #expect(shell.machine.consumers.values.allSatisfy { $0.end == nil })
    }
    shell.run(shell.machine.end(AMQPError(.connectionClosed, ""), quietly: true, &shell.completions))
    check(shell, work)
  }

  /// All has come to an end with the channel.
  private func check(_ shell: Shell, _ work: Work) {
    #expect(work.outcomes.allSatisfy { $0.results.count == 1 }, "a caller waits for ever, or was told twice")
    #expect(
      work.tickets.allSatisfy { ticket in (0..<ticket.count).allSatisfy { !ticket.isOpen($0) } }, "a publisher waits")
    #expect(shell.machine.consumers.isEmpty)
    #expect(shell.machine.publishing.outstanding == 0 && !shell.machine.publishing.hasWaiting)
    #expect(shell.machine.publishing.kept == 0)
    #expect(!shell.hasNumber)
    #expect(!shell.machine.isAwaiting)
  }
}
