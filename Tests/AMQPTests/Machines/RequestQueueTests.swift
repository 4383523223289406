import NIOCore
import Testing

@testable import AMQP

@Suite("Request queue")
struct RequestQueueTests {
  private let now = NIODeadline.uptimeNanoseconds(1_000_000_000)

  private func answer(_ queue: inout RequestQueue<String>, _ method: Method) throws -> String? {
    switch try queue.answer(method, now: now) {
    case .done(let asker, _): asker ?? "no caller"
    case .next: nil
    }
  }

  @Test("A request has one answer; the late answer of one that was given up satisfies no other")
  func order() throws {
    var queue = RequestQueue<String>()
    let first = queue.append(.txSelect, "first")
    _ = queue.append(.txSelect, "second")
    #expect(queue.next(now: now) == .txSelect)
    #expect(queue.next(now: now) == nil)
    #expect(queue.abandon(first) == "first")
    #expect(queue.isAwaited)
    #expect(try answer(&queue, .txSelectOk) == "no caller")
    #expect(queue.next(now: now) == .txSelect)
    #expect(throws: WireError.self) { _ = try answer(&queue, .basicQosOk) }
    #expect(try answer(&queue, .txSelectOk) == "second")
    #expect(throws: WireError.self) { _ = try answer(&queue, .txSelectOk) }
    #expect(queue.isEmpty)
  }

  @Test("A second step follows its first, and nothing comes between; it is left out if its caller is gone")
  func steps() throws {
    var queue = RequestQueue<String>()
    let qos = Method.basicQos(prefetchSize: 0, prefetchCount: 1, global: false)
    let consume = Method.basicConsume(BasicConsume(queue: "q", consumerTag: "a"))
    queue.append(qos, then: consume, "a")
    let other = queue.append(qos, then: consume, "b")
    #expect(queue.next(now: now) == qos)
    guard case .next(consume) = try queue.answer(.basicQosOk, now: now) else { return fail("something came between") }
    #expect(queue.next(now: now) == nil)
    #expect(queue.expects(.basicConsumeOk(consumerTag: "a")))
    #expect(try answer(&queue, .basicConsumeOk(consumerTag: "a")) == "a")
    #expect(queue.next(now: now) == qos)
    _ = queue.abandon(other)
    #expect(!queue.isAwaited)
    #expect(try answer(&queue, .basicQosOk) == "no caller")
    #expect(queue.isEmpty)
  }

  @Test("It tells how long what is on the wire has had no answer, and gives out all when it ends")
  func ends() throws {
    var queue = RequestQueue<String>()
    #expect(!queue.isUnanswered(for: .seconds(1), now: now + .seconds(9)))
    queue.append(.txSelect, "sent")
    queue.append(.txCommit, "waiting")
    _ = queue.next(now: now)
    #expect(!queue.isUnanswered(for: .seconds(2), now: now + .seconds(1)))
    #expect(queue.isUnanswered(for: .seconds(2), now: now + .seconds(2)))
    let (sent, unsent) = queue.removeAll()
    #expect(sent?.asker == "sent")
    #expect(unsent.map(\.asker) == ["waiting"])
    #expect(queue.isEmpty)
  }
}
