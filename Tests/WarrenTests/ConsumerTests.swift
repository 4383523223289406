import Foundation
import Synchronization
import Testing

@testable import Warren

@Suite struct ConsumerTests {
  private func delivery(_ number: Int64) -> Delivery {
    Delivery(
      message: Message(id: nil, name: nil, body: Data()), queue: "q", exchange: nil, routingKey: "", history: History(),
      isSuspect: false, token: .init(scope: 0, number: number, fence: 0))
  }

  @Test func handsOutInOrderToWhoWaitsAndWhoComes() async {
    let consumer = Consumer(queue: "q", prefetch: 3) { _ in }
    consumer.hand([delivery(1), delivery(2)])
    #expect(await consumer.next()?.token.number == 1)
    async let second = consumer.next()
    async let third = consumer.next()
    consumer.hand([delivery(3)])
    let numbers = await [second, third].compactMap { $0?.token.number }
    #expect(numbers.sorted() == [2, 3])
  }

  @Test func whatWasTakenIsForgottenThoughTheBufferIsNeverEmpty() async {
    let consumer = Consumer(queue: "q", prefetch: 32) { _ in }
    consumer.hand((1...32).map(delivery))
    for number in 1...Int64(1_000) {
      #expect(await consumer.next()?.token.number == number)
      consumer.hand([delivery(32 + number)])
      #expect(consumer.held <= 3 * 32)
    }
  }

  @Test func stoppingEndsAllWhoWait() async {
    let consumer = Consumer(queue: "q", prefetch: 3) { _ in }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<5 { group.addTask { await consumer.next() == nil } }
      consumer.stop()
      for await isEnd in group { #expect(isEnd) }
    }
    consumer.hand([delivery(1)])
    #expect(await consumer.next() == nil)
  }

  @Test func cancellingAWaiterStopsTheConsumer() async {
    let consumer = Consumer(queue: "q", prefetch: 3) { _ in }
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await consumer.next() == nil }
      group.cancelAll()
      for await isEnd in group { #expect(isEnd) }
    }
  }

  @Test func aPausedConsumerKeepsWhatItHasUntilItIsResumed() async {
    let pauses = Mutex<[Date?]>([])
    let consumer = Consumer(queue: "q", prefetch: 3, onStop: { _ in }) { _, time in pauses.withLock { $0.append(time) }
    }
    let time = Date(timeIntervalSince1970: 100)
    consumer.pause(until: time)
    consumer.pause(until: time.addingTimeInterval(-50))
    #expect(consumer.pausedUntil == time)
    #expect(consumer.hand([delivery(1), delivery(2)]).isEmpty)
    async let first = consumer.next()
    for _ in 0..<100 { await Task.yield() }
    consumer.resume()
    consumer.resume()
    #expect(await first?.token.number == 1)
    #expect(await consumer.next()?.token.number == 2)
    #expect(pauses.withLock { $0 } == [time, nil])
  }

  @Test func whatWasNotBegunCanBeTakenBack() async {
    let consumer = Consumer(queue: "q", prefetch: 5) { _ in }
    consumer.hand((1...4).map { delivery($0) })
    #expect(await consumer.next()?.token.number == 1)
    #expect(consumer.revoke { $0.token.number == 3 }.map(\.token.number) == [3])
    #expect(await consumer.next()?.token.number == 2)
    #expect(consumer.revoke().map(\.token.number) == [4])
    #expect(consumer.revoke().isEmpty)
  }

  @Test func atAStopTheEngineTakesBackWhatWasNotBegun() async {
    let back = Mutex<[Int64]>([])
    let consumer = Consumer(queue: "q", prefetch: 5) { consumer in
      let revoked = consumer.revoke().map(\.token.number)
      back.withLock { $0 += revoked }
    }
    consumer.hand([delivery(1), delivery(2)])
    consumer.stop()
    #expect(await consumer.next() == nil)
    #expect(back.withLock { $0 } == [1, 2])
    #expect(consumer.hand([delivery(3)]).map(\.token.number) == [3])
  }

  @Test func onlyTheHandlersThatAreMeantAreCancelled() async {
    let consumer = Consumer(queue: "q", prefetch: 3) { _ in }
    func shown(_ id: MessageID) -> RunningDelivery {
      RunningDelivery(queue: "q", id: id, name: nil, since: Date(timeIntervalSince1970: 0))
    }
    let lost = HandlerCancellation(), asked = HandlerCancellation(), left = HandlerCancellation()
    await consumer.handlers.run(shown("a"), delivery(1).token, lost) {
      await consumer.handlers.run(shown("b"), delivery(2).token, asked) {
        await consumer.handlers.run(shown("c"), delivery(3).token, left) {
          #expect(Set(consumer.handled.map(\.id)) == ["a", "b", "c"])
          #expect(consumer.cancelHandlers(of: "b") == 1)
          #expect(consumer.cancelHandlers { $0.number == 1 } == 1)
        }
      }
      // What has ended cannot be cancelled any more.
      #expect(consumer.cancelHandlers(of: "b") == 0)
    }
    #expect(lost.reason == .lost && asked.reason == .asked && left.reason == nil)
  }

  @Test func whatIsLostBeforeItsHandlerBeginsIsNotHandled() async {
    let lost = Watched<Set<Int64>>([])
    let consumer = Consumer(queue: "q", prefetch: 3, onStop: { _ in }, isHeld: { !lost.value.contains($0.number) })
    consumer.hand([delivery(1), delivery(2)])
    let taken = [await consumer.next(), await consumer.next()].compactMap(\.self)
    // The first is in no buffer any more, and its handler does not run yet.
    lost.withValue { $0 = [1] }
    #expect(consumer.revoke { $0.token.number == 1 }.isEmpty && consumer.cancelHandlers { $0.number == 1 } == 0)
    var handled: [Int64] = []
    for delivery in taken {
      let shown = RunningDelivery(queue: "q", id: nil, name: nil, since: Date(timeIntervalSince1970: 0))
      await consumer.handlers.run(shown, delivery.token, HandlerCancellation()) {
        handled.append(delivery.token.number)
      }
    }
    #expect(handled == [2])
    #expect(consumer.handled.isEmpty)
  }
}
