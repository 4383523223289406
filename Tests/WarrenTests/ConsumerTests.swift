import Foundation
import Testing

@testable import Warren

@Suite struct ConsumerTests {
  private func delivery(_ number: Int64) -> Delivery {
    Delivery(
      message: Message(id: nil, name: nil, body: Data()), queue: "q", exchange: nil, routingKey: "", history: History(),
      isSuspect: false, token: .init(scope: 0, number: number, fence: 0))
  }

  @Test func handsOutInOrderToWhoWaitsAndWhoComes() async {
    let consumer = Consumer(queue: "q", prefetch: 3) {}
    consumer.hand([delivery(1), delivery(2)])
    #expect(await consumer.next()?.token.number == 1)
    async let second = consumer.next()
    async let third = consumer.next()
    consumer.hand([delivery(3)])
    let numbers = await [second, third].compactMap { $0?.token.number }
    #expect(numbers.sorted() == [2, 3])
  }

  @Test func stoppingEndsAllWhoWait() async {
    let consumer = Consumer(queue: "q", prefetch: 3) {}
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<5 { group.addTask { await consumer.next() == nil } }
      consumer.stop()
      for await isEnd in group { #expect(isEnd) }
    }
    consumer.hand([delivery(1)])
    #expect(await consumer.next() == nil)
  }

  @Test func cancellingAWaiterStopsTheConsumer() async {
    let consumer = Consumer(queue: "q", prefetch: 3) {}
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await consumer.next() == nil }
      group.cancelAll()
      for await isEnd in group { #expect(isEnd) }
    }
  }
}
