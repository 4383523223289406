/// Bindings that are there though no worker asks for them any more: a subscription that lost a pattern leaves one behind, which
/// goes on to bring messages that no worker has a handler for.
package enum UnaskedBindings {
  /// What an operator should know about them.
  ///
  /// - Parameters:
  ///   - declared: what the broker has.
  ///   - asked: what the workers that consume a queue have asked for, together. A queue of which one worker's wishes are not
  ///     known is not among them.
  package static func findings(in declared: Topology, asked: [QueueName: Set<Binding>]) -> [Finding] {
    // Other services may park in a queue that a worker consumes: the bindings for it are theirs.
    let forDeadLetters = Set(
      declared.queues.compactMap(\.deadLetter).compactMap { target in
        target.exchange.map { Binding(target.queue, to: $0.name, key: target.key) }
      })
    return declared.bindings.compactMap { binding in
      guard let wanted = asked[binding.queue], !wanted.contains(binding), !forDeadLetters.contains(binding) else {
        return nil
      }
      return Finding(
        .warning, queue: binding.queue,
        "no worker that consumes '\(binding.queue)' asks for its binding to '\(binding.exchange)' by '\(binding.key)', which goes "
          + "on to bring messages",
        fix: Fix(
          .pruneTopology, queue: binding.queue,
          text: "if it is left from an earlier version of its service, remove what the topology does not ask for"))
    }
  }
}
