import NIOCore
import Testing

@testable import AMQP

@Suite("Settlement ledger")
struct SettlementLedgerTests {
  private func ledger(_ count: UInt64) throws -> SettlementLedger {
    var ledger = SettlementLedger()
    for tag in 1...count { try ledger.delivered(tag, needsAck: true) }
    return ledger
  }

  private func drain(_ ledger: inout SettlementLedger) -> [Method] {
    var methods: [Method] = []
    ledger.drain(now: .uptimeNanoseconds(0)) { methods.append($0) }
    return methods
  }

  @Test("The finished prefix is one multiple ack; what finished past a gap is acked singly in the same write")
  func coalescing() throws {
    var ledger = try ledger(6)
    for tag in [1, 2, 3, 5, 6] as [UInt64] { #expect(ledger.settle(tag, generation: 0, .ack).result == .accepted) }
    #expect(
      drain(&ledger) == [
        .basicAck(deliveryTag: 3, multiple: true), .basicAck(deliveryTag: 5, multiple: false),
        .basicAck(deliveryTag: 6, multiple: false),
      ])
    #expect(drain(&ledger) == [])
    _ = ledger.settle(4, generation: 0, .ack)
    #expect(drain(&ledger) == [.basicAck(deliveryTag: 4, multiple: false)])
  }

  @Test("Direct replies need not take the tag that they come with, and a gap that they do not explain stays an error")
  func directReplies() throws {
    // Up to RabbitMQ 4.1 they leave the tag to the next delivery.
    var ledger = try ledger(1)
    for _ in 0..<3 { try ledger.delivered(2, needsAck: false, isReply: true) }
    try ledger.delivered(2, needsAck: true)
    #expect(ledger.unsettled == 2 && ledger.settle(2, generation: 0, .ack).result == .accepted)
    #expect(throws: WireError.self) { try ledger.delivered(2, needsAck: true) }
    #expect(throws: WireError.self) { try ledger.delivered(4, needsAck: true) }
    // Later ones take it.
    for tag in [3, 4, 5] as [UInt64] { try ledger.delivered(tag, needsAck: false, isReply: true) }
    #expect(throws: WireError.self) { try ledger.delivered(7, needsAck: true) }
    try ledger.delivered(6, needsAck: true)
    #expect(ledger.settle(5, generation: 0, .ack).result == .alreadySettled)
    #expect(ledger.settle(6, generation: 0, .ack).result == .accepted && ledger.unsettled == 1)
  }

  @Test("What is unsettled goes back with one nack, behind single acks of what was finished among it")
  func returnsAll() throws {
    var ledger = try ledger(6)
    for tag in [2, 4] as [UInt64] { _ = ledger.settle(tag, generation: 0, .ack) }
    _ = ledger.settle(6, generation: 0, .reject(requeue: false))
    #expect(ledger.returnAll() == 3 && ledger.unsettled == 0)
    #expect(ledger.settle(3, generation: 0, .ack).result == .alreadySettled)
    #expect(
      drain(&ledger) == [
        .basicAck(deliveryTag: 2, multiple: false), .basicAck(deliveryTag: 4, multiple: false),
        .basicReject(deliveryTag: 6, requeue: false), .basicNack(deliveryTag: 5, multiple: true, requeue: true),
      ])
    #expect(ledger.returnAll() == 0 && drain(&ledger) == [])
    for tag in 7...9 as ClosedRange<UInt64> { try ledger.delivered(tag, needsAck: true) }
    #expect(ledger.returnAll(together: false) == 3)
    #expect(drain(&ledger) == (7...9).map { .basicNack(deliveryTag: $0, multiple: false, requeue: true) })
    try ledger.delivered(10, needsAck: true)
    _ = ledger.settle(10, generation: 0, .ack)
    #expect(drain(&ledger) == [.basicAck(deliveryTag: 10, multiple: false)])
  }

  @Test("The last settlement is written at once where nothing was for a while, and gathers with others where it was")
  func quiet() throws {
    func at(_ microseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .microseconds(microseconds) }
    var ledger = try ledger(4)
    ledger.window = 100
    #expect(ledger.settle(1, generation: 0, .ack, now: at(5000)).urgency == .soon)
    #expect(ledger.settle(2, generation: 0, .ack, now: at(5000)).urgency == .none)
    ledger.look()
    #expect(ledger.settle(3, generation: 0, .ack, now: at(5000)).urgency == .soon)
    #expect(ledger.settle(4, generation: 0, .ack, now: at(5000)).urgency == .now)
    ledger.drain(now: at(5000)) { _ in }
    ledger.look()
    try ledger.delivered(5, needsAck: true)
    #expect(ledger.settle(5, generation: 0, .ack, now: at(5999)).urgency == .soon)
    try ledger.delivered(6, needsAck: true)
    #expect(ledger.settle(6, generation: 0, .ack, now: at(6000)).urgency == .now)
  }

  @Test("A refusal inside the prefix goes out before the multiple ack that would swallow it")
  func refusals() throws {
    var ledger = try ledger(4)
    _ = ledger.settle(1, generation: 0, .ack)
    _ = ledger.settle(3, generation: 0, .ack)
    _ = ledger.settle(2, generation: 0, .reject(requeue: false))
    _ = ledger.settle(4, generation: 0, .nack(requeue: true))
    #expect(
      drain(&ledger) == [
        .basicReject(deliveryTag: 2, requeue: false), .basicAck(deliveryTag: 3, multiple: true),
        .basicNack(deliveryTag: 4, multiple: false, requeue: true),
      ])
  }

  @Test("A second settlement, an unknown tag, tag 0 and a stale generation are refused here")
  func guards() throws {
    var ledger = try ledger(2)
    #expect(ledger.settle(1, generation: 0, .ack).result == .accepted)
    #expect(ledger.settle(1, generation: 0, .nack(requeue: true)).result == .alreadySettled)
    #expect(ledger.settle(0, generation: 0, .ack).result == .alreadySettled)
    #expect(ledger.settle(3, generation: 0, .ack).result == .alreadySettled)
    ledger.startGeneration()
    #expect(ledger.settle(2, generation: 0, .ack).result == .stale)
    #expect(!ledger.hasPending)
    try ledger.delivered(1, needsAck: true)
    #expect(ledger.settle(1, generation: 0, .ack).result == .stale)
    #expect(ledger.settle(1, generation: 1, .ack).result == .accepted)
  }

  @Test("It is urgent when half of what is out is done, and worth a short wait before")
  func urgency() throws {
    var one = try ledger(1)
    #expect(one.settle(1, generation: 0, .ack).urgency == .now)
    var ten = try ledger(10)
    let urgencies = (1...5).map { ten.settle($0, generation: 0, .ack).urgency }
    #expect(urgencies == [.soon, .none, .none, .none, .now])
  }

  @Test("Tags that jump or repeat are the peer's error")
  func tags() throws {
    var ledger = try ledger(2)
    #expect(throws: WireError.self) { try ledger.delivered(2, needsAck: true) }
    #expect(throws: WireError.self) { try ledger.delivered(4, needsAck: true) }
    #expect(throws: WireError.self) { try ledger.delivered(.max, needsAck: true) }
  }

  @Test("Random settlements leave a broker with exactly what was settled")
  func model() throws {
    var generator = Seeded(state: 11)
    for _ in 0..<200 {
      var ledger = SettlementLedger()
      var held: Set<UInt64> = []
      var acked: Set<UInt64> = []
      var wanted: Set<UInt64> = []
      var refused: Set<UInt64> = []
      var next: UInt64 = 1
      for _ in 0..<200 {
        switch Int.random(in: 0..<5, using: &generator) {
        case 0, 1:
          try ledger.delivered(next, needsAck: next % 7 != 0)
          if next % 7 != 0 { held.insert(next) }
          next += 1
        case 2, 3:
          let tag = UInt64.random(in: 1...next, using: &generator)
          let settlement: SettlementLedger.Settlement = tag % 5 == 0 ? .reject(requeue: true) : .ack
          if ledger.settle(tag, generation: 0, settlement).result == .accepted {
            if tag % 5 == 0 { refused.insert(tag) } else { wanted.insert(tag) }
          }
        default:
          for method in drain(&ledger) {
            switch method {
            case .basicAck(let tag, let multiple):
              // As RabbitMQ does: the tag itself must be held, with multiple too.
              #expect(held.contains(tag))
              let hit = multiple ? held.filter { $0 <= tag } : [tag]
              acked.formUnion(hit)
              held.subtract(hit)
            case .basicReject(let tag, _): #expect(held.remove(tag) != nil)
            default: Issue.record("\(method)")
            }
          }
          #expect(acked == wanted)
          #expect(acked.isDisjoint(with: refused))
        }
      }
    }
  }
}

extension SettlementLedger {
  /// At the time 0, at which something was written too.
  fileprivate mutating func settle(
    _ tag: UInt64, generation: UInt64, _ settlement: Settlement
  ) -> (result: AMQPSettlement, urgency: Urgency) {
    settle(tag, generation: generation, settlement, now: .uptimeNanoseconds(0))
  }

  @Test("A drain costs the same however many deliveries came since an unsettled one")
  func costBehindAnOpenDelivery() throws {
    do {
      var ledger = SettlementLedger()
      var tag: UInt64 = 0
      func deliver() throws {
        tag += 1
        try ledger.delivered(tag, needsAck: true)
        if tag > 1 { _ = ledger.settle(tag, generation: 0, .ack, now: .uptimeNanoseconds(0)) }
      }
      /// The least of many drains, so that a busy machine does not count.
      func cost() throws -> Duration {
        var least = Duration.seconds(1)
        for _ in 0..<50 {
          try deliver()
          let start = ContinuousClock.now
          ledger.drain(now: .uptimeNanoseconds(0)) { _ in }
          least = min(least, ContinuousClock.now - start)
        }
        return least
      }
      try deliver()
      let first = try cost()
      while tag < 200_000 {
        try deliver()
        if tag % 1000 == 0 { ledger.drain(now: .uptimeNanoseconds(0)) { _ in } }
      }
      #expect(try cost() < first * 20 + .microseconds(50))
      #expect(ledger.unsettled == 1)
    }
  }
}
