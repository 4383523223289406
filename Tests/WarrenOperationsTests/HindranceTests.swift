import Foundation
import Testing
import Warren
import WarrenOperations

@Suite("Why is this not running?") struct HindranceTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func queue(
    ready: Int = 1, delayed: Int? = 0, running: Int? = 0, isPaused: Bool = false, isDead: Bool = false,
    consumers: Int = 1
  ) -> QueueStatus {
    QueueStatus(
      name: "mail", ready: ready, delayed: delayed, running: running, oldest: nil, isPaused: isPaused,
      holdsDeadLetters: isDead, deadLetterQueue: nil, consumers: consumers, totals: nil)
  }

  private func kinds(
    _ queue: QueueStatus, _ message: WaitingMessage? = nil, workers: [WorkerStatus]? = nil,
    known: Set<MessageName>? = nil
  ) -> [Hindrance.Kind] {
    Hindrance.all(of: queue, workers: workers, message: message, known: known, now: now).map(\.kind)
  }

  @Test("each reason is told, and those that hold together, together") func reasons() {
    let message = WaitingMessage(name: "email.send")
    #expect(kinds(queue(ready: 0)) == [])
    #expect(kinds(queue()) == [])
    #expect(kinds(queue(), message) == [])
    #expect(kinds(queue(isPaused: true, consumers: 0)) == [.paused, .noWorker])
    #expect(kinds(queue(isDead: true, consumers: 0)) == [.deadLetters])
    #expect(kinds(queue(consumers: 0), message) == [.noWorker])
    #expect(kinds(queue(running: 3)) == [.concurrency])
    #expect(kinds(queue(running: nil)) == [])
    #expect(kinds(queue(ready: 0, delayed: 2, running: 3)) == [.delayed])
    #expect(kinds(queue(), message, known: ["other"]) == [.unknownName])
    #expect(kinds(queue(running: 3), message, known: ["email.send"]) == [.concurrency])
    #expect(kinds(queue(running: 1), WaitingMessage(name: nil, interruptions: 3)) == [.suspect])
    #expect(kinds(queue(), WaitingMessage(name: nil, expiresAt: now)) == [.expired])
    #expect(kinds(queue(running: 1), WaitingMessage(name: nil, due: now.addingTimeInterval(90))) == [.delayed])
    #expect(kinds(queue(running: 1), WaitingMessage(name: nil, due: now)) == [.concurrency])
  }

  @Test("the reasons are sentences with what to do") func texts() {
    let delayed = Hindrance.all(
      of: queue(consumers: 0), workers: [], message: WaitingMessage(name: nil, due: now.addingTimeInterval(90)),
      now: now)
    #expect(delayed.first?.text == "it is delayed until 2027-01-15T08:01:30Z, for 1 min 30 s")
    #expect(delayed.first?.until == now.addingTimeInterval(90))
    #expect(delayed.last?.text == "no worker consumes 'mail'; no worker is connected at all")
    #expect(delayed.last?.fix?.action == .startWorker)
    let worker = WorkerStatus(name: "w", since: now, queues: ["mail"], running: 2)
    let busy = Hindrance.all(of: queue(running: 2), workers: [worker], now: now)
    #expect(busy.map(\.text) == ["2 messages are being handled in 1 worker, and no more are taken until one is done"])
    let paused = Hindrance.all(of: queue(isPaused: true), now: now)
    #expect(paused.map(\.fix?.action) == [.resumeQueue])
  }
}
