/// Which declarations of a topology are still to be made on a connection, and which of them is next.
///
/// A declaration that failed for the time being, because its queue's node is down, waits for the next round, and with it what
/// needs it. The others go on.
struct DeclarationPlan: Sendable {
  enum Outcome: Sendable { case done, refused, later }

  private var items: [Method?]
  /// Where this round is.
  private var cursor = 0
  /// What this round could not declare.
  private var unfinished: Set<Entity> = []
  /// How many are left.
  private(set) var count: Int

  init(_ topology: AMQPTopology, without left: [Method] = []) {
    items = topology.declarations.filter { !left.contains($0) }
    count = items.count
  }

  /// Whether nothing is left to declare.
  var isDone: Bool { count == 0 }

  /// The next declaration of this round, the same one until ``finish(_:)`` says what became of it.
  mutating func next() -> Method? {
    while cursor < items.count {
      if let declaration = items[cursor] {
        if unfinished.isDisjoint(with: declaration.needed) { return declaration }
        if let entity = declaration.declared { unfinished.insert(entity) }
      }
      cursor += 1
    }
    return nil
  }

  /// What became of the declaration that ``next()`` returned last.
  mutating func finish(_ outcome: Outcome) {
    guard cursor < items.count, let declaration = items[cursor] else { return }
    switch outcome {
    // What needs a refused one is tried in spite of that: it may be there, with other properties.
    case .done, .refused:
      items[cursor] = nil
      count -= 1
    case .later: if let entity = declaration.declared { unfinished.insert(entity) }
    }
    cursor += 1
  }

  /// Begins another round with what is left.
  mutating func startRound() {
    items.removeAll { $0 == nil }
    cursor = 0
    unfinished = []
  }

  /// An exchange or a queue.
  fileprivate enum Entity: Hashable {
    case exchange(String)
    case queue(String)
  }
}

extension Method {
  /// What a declaration makes.
  fileprivate var declared: DeclarationPlan.Entity? {
    switch self {
    case .exchangeDeclare(let declare): .exchange(declare.exchange)
    case .queueDeclare(let declare): .queue(declare.queue)
    default: nil
    }
  }

  /// What has to be there before it.
  fileprivate var needed: Set<DeclarationPlan.Entity> {
    switch self {
    case .exchangeBind(let binding): [.exchange(binding.source), .exchange(binding.destination)]
    case .queueBind(let queue, let exchange, _, _, _): [.queue(queue), .exchange(exchange)]
    default: []
    }
  }
}
