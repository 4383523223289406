import Testing

@testable import AMQP

@Suite("Declaration plan")
struct DeclarationPlanTests {
  private let topology = AMQPTopology(
    exchanges: [.init("e", type: "topic")], queues: [.init("a"), .init("b")],
    bindings: [.init(from: "e", to: .queue("a")), .init(from: "e", to: .queue("b"))])

  /// Declares until the round is over; `outcome` decides by what is declared or bound.
  private func round(
    _ plan: inout DeclarationPlan, _ outcome: (String) -> DeclarationPlan.Outcome = { _ in .done }
  ) -> [String] {
    var seen: [String] = []
    while let declaration = plan.next() {
      let name =
        switch declaration {
        case .exchangeDeclare(let declare): declare.exchange
        case .queueDeclare(let declare): declare.queue
        case .queueBind(let queue, _, _, _, _): "-> \(queue)"
        default: "?"
        }
      seen.append(name)
      plan.finish(outcome(name))
    }
    return seen
  }

  @Test("All that succeeds is declared once, in order")
  func order() {
    var plan = DeclarationPlan(topology)
    #expect(round(&plan) == ["e", "a", "b", "-> a", "-> b"])
    #expect(plan.isDone)
    plan.startRound()
    #expect(round(&plan) == [])
  }

  @Test("What failed for now waits for the next round, with what needs it, and the rest goes on")
  func later() {
    var plan = DeclarationPlan(topology)
    #expect(round(&plan) { $0 == "a" ? .later : .done } == ["e", "a", "b", "-> b"])
    #expect(plan.count == 2)
    #expect(plan.next() == nil)
    plan.startRound()
    #expect(round(&plan) { $0 == "a" ? .later : .done } == ["a"])
    plan.startRound()
    #expect(round(&plan) == ["a", "-> a"])
    #expect(plan.isDone)
  }

  @Test("What is refused is not tried again, and what needs it is tried in spite of that")
  func refused() {
    var plan = DeclarationPlan(topology)
    #expect(round(&plan) { $0 == "a" || $0 == "e" ? .refused : .done } == ["e", "a", "b", "-> a", "-> b"])
    #expect(plan.isDone)
  }

  @Test("A round that stops in between goes on where it stopped")
  func interrupted() {
    var plan = DeclarationPlan(topology)
    _ = plan.next()
    plan.finish(.later)
    #expect(round(&plan) == ["a", "b"])
    plan.startRound()
    #expect(round(&plan) == ["e", "-> a", "-> b"])
  }
}
