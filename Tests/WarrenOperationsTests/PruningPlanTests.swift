import Testing
import Warren

@testable import WarrenOperations

@Suite("What a topology does not name") struct PruningPlanTests {
  private let declared: Topology
  private let wanted: Topology

  init() throws {
    declared = try Topology(
      exchanges: ["books"], queues: ["mail", "audit", Queue("legacy").adopted()],
      bindings: [
        Binding("mail", to: "books", key: "book.*"), Binding("mail", to: "books", key: "loan.*"),
        Binding("audit", to: "books"), Binding("legacy", to: "books"),
      ])
    wanted = try Topology(
      exchanges: ["books"], queues: ["mail"], bindings: [Binding("mail", to: "books", key: "book.*")])
  }

  @Test("queues and bindings go, what is adopted stays, and dead-letter queues go last") func all() {
    let plan = PruningPlan(declared: declared, wanted: wanted, removals: [:])
    #expect(plan.bindings == [Binding("mail", to: "books", key: "loan.*")])
    #expect(plan.queues == ["audit", "audit.dlq"] && plan.kept.isEmpty)
    #expect(PruningPlan(declared: declared, wanted: declared, removals: [:]).isEmpty)
  }

  @Test("a queue with consumers stays with its bindings, and so does the queue for its dead letters") func consumed() {
    let plan = PruningPlan(
      declared: declared, wanted: wanted, removals: ["audit": QueueRemoval(queue: "audit", consumers: 1, messages: 3)])
    #expect(plan.queues.isEmpty && plan.kept.map(\.queue) == ["audit", "audit.dlq"])
    #expect(plan.bindings.map(\.queue) == ["mail"])
  }

  @Test("a queue that holds messages or has dead letters stays and is unbound") func held() {
    for removal in [
      QueueRemoval(queue: "audit", messages: 3), QueueRemoval(queue: "audit", deadLetters: 2),
      QueueRemoval(queue: "audit", deadLetters: nil),
    ] {
      let plan = PruningPlan(declared: declared, wanted: wanted, removals: ["audit": removal])
      #expect(plan.queues.isEmpty && plan.kept.map(\.queue) == ["audit", "audit.dlq"])
      #expect(plan.bindings.contains(Binding("audit", to: "books")))
    }
  }

  @Test("what a queue that stays needs for its dead letters stays bound") func deadLetterExchange() throws {
    let parking = Queue("audit", deadLetter: .exchange("dlx", key: "audit.dead", queue: "parked"))
    let declared = try Topology(queues: [parking, "mail"])
    let wanted = try Topology(queues: ["mail", .deadLetters("parked")])
    let stays = PruningPlan(
      declared: declared, wanted: wanted, removals: ["audit": QueueRemoval(queue: "audit", consumers: 1)])
    #expect(stays.bindings.isEmpty)
    let goes = PruningPlan(declared: declared, wanted: wanted, removals: [:])
    #expect(goes.queues == ["audit"] && goes.bindings == [Binding("parked", to: "dlx", key: "audit.dead")])
  }
}
