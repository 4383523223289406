public import Warren

/// What is on the broker that Warren made and that a topology does not name.
public struct PruningPlan: Sendable, Equatable, Codable {
  /// A queue that is left as it is.
  public struct Kept: Sendable, Equatable, Codable {
    /// The queue.
    public var queue: QueueName
    /// Why, and what to do.
    public var reason: String
  }
  /// Bindings to remove.
  public var bindings: [Binding] = []
  /// Queues to delete, in this order.
  public var queues: [QueueName] = []
  /// Queues that the topology does not name either, and that stay.
  public var kept: [Kept] = []

  /// Whether nothing is to be removed and nothing stays.
  public var isEmpty: Bool { bindings.isEmpty && queues.isEmpty && kept.isEmpty }
}

extension PruningPlan {
  /// What of `declared` a topology does not name.
  ///
  /// Adopted queues are not Warren's and are left alone, with their bindings. A queue with consumers stays with its bindings: its
  /// service runs. One that holds messages stays, and is unbound, so that it can be emptied. What a queue that stays needs for its
  /// dead letters stays, too.
  ///
  /// - Parameter removals: what deleting each queue that is not named would mean.
  init(declared: Topology, wanted: Topology, removals: [QueueName: QueueRemoval]) {
    let named = Set(wanted.queues.map(\.name))
    let own = Set(declared.queues.filter { !$0.isAdopted }.map(\.name))
    let unnamed = declared.queues.filter { own.contains($0.name) && !named.contains($0.name) }
    // First the queues that are worked on, then those that hold their dead letters, which go only when no queue needs them.
    let ordered = unnamed.filter { $0.deadLetter != nil } + unnamed.filter { $0.deadLetter == nil }
    var unbound: Set<QueueName> = []
    for queue in ordered {
      let going = Set(queues)
      let feeders = declared.queues.filter { $0.deadLetter?.queue == queue.name && !going.contains($0.name) }
      let removal = removals[queue.name] ?? QueueRemoval(queue: queue.name)
      if removal.consumers > 0 {
        kept.append(.init(queue: queue.name, reason: "it has consumers: stop the workers of its service, or name it"))
      } else if let feeder = feeders.first {
        kept.append(.init(queue: queue.name, reason: "it is for the dead letters of '\(feeder.name)', which stays"))
      } else if removal.messages > 0 {
        let count = removal.messages == 1 ? "1 message" : "\(removal.messages) messages"
        kept.append(
          .init(queue: queue.name, reason: "it holds \(count): let a worker finish them or purge it, then prune again"))
        unbound.insert(queue.name)
      } else if removal.deadLetters != 0 {
        let count = removal.deadLetters.map { "\($0) of its dead letters are" } ?? "dead letters of it may be"
        let place = queue.deadLetter.map { " in '\($0.queue)'" } ?? ""
        kept.append(.init(queue: queue.name, reason: "\(count)\(place): replay or delete them, then prune again"))
        unbound.insert(queue.name)
      } else {
        queues.append(queue.name)
      }
    }
    let going = Set(queues)
    let needed = Set(
      declared.queues.filter { !going.contains($0.name) }.compactMap(\.deadLetter).compactMap { target in
        target.exchange.map { Binding(target.queue, to: $0.name, key: target.key) }
      })
    // Those of queues that go, go with them.
    bindings = declared.bindings.filter { binding in
      (unbound.contains(binding.queue) || named.contains(binding.queue) && own.contains(binding.queue))
        && !wanted.bindings.contains(binding) && !needed.contains(binding)
    }
  }
}

/// What was removed by a plan.
public struct PruningReport: Sendable, Equatable, Codable {
  /// Bindings that were removed.
  public var bindings: [Binding] = []
  /// Queues that were deleted.
  public var queues: [QueueName] = []
  /// Queues that stay.
  public var kept: [PruningPlan.Kept]
  /// How many messages went with the queues: what came in after they had been looked at.
  public var messages = 0

  /// Nothing was removed yet.
  public init(kept: [PruningPlan.Kept]) { self.kept = kept }
}

extension Operations {
  /// What is on the broker that Warren made and that a topology does not name. Changes nothing.
  ///
  /// The topology must be the whole: that of all services together.
  public func pruning(_ topology: Topology) async throws(BrokerError) -> PruningPlan {
    _ = try removing
    let declared = try await inspectable.topology()
    let named = Set(topology.queues.map(\.name))
    var removals: [QueueName: QueueRemoval] = [:]
    for queue in declared.queues where !queue.isAdopted && !named.contains(queue.name) {
      do { removals[queue.name] = try await removal(of: queue.name) } catch {
        // It went meanwhile.
        if error.code != .notFound { throw error }
      }
    }
    return PruningPlan(declared: declared, wanted: topology, removals: removals)
  }

  /// Removes what a plan says. A queue that is in use by now stays.
  public func prune(_ plan: PruningPlan) async throws(BrokerError) -> PruningReport {
    var report = PruningReport(kept: plan.kept)
    for binding in plan.bindings {
      do {
        try await removeBinding(binding)
        report.bindings.append(binding)
      } catch { if error.code != .notFound { throw error } }
    }
    for queue in plan.queues {
      do {
        report.messages += try await deleteQueue(queue)
        report.queues.append(queue)
      } catch {
        switch error.code {
        case .notFound: break
        case .inUse: report.kept.append(.init(queue: queue, reason: error.message))
        default: throw error
        }
      }
    }
    return report
  }
}
