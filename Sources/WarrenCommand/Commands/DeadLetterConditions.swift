internal import ArgumentParser
internal import Warren
internal import WarrenOperations

/// Which dead letters are meant. Every condition that is given must hold.
struct DeadLetterConditions: ParsableArguments {
  @Option(help: ArgumentHelp("Only those that lie in this queue.", valueName: "queue")) var queue: QueueName?
  @Option(help: ArgumentHelp("Only those that this queue gave up on.", valueName: "queue")) var origin: QueueName?
  @Option(help: ArgumentHelp("Only messages of this name.", valueName: "name")) var name: MessageName?
  @Option(help: ArgumentHelp("Only those parked for this kind of reason.", valueName: "reason"))
  var reason: DeadLetterReason.Kind?
  @Option(
    name: .customLong("where"),
    help: ArgumentHelp(
      "Only those that this finds: 'queue:mail error~timeout age>1h data.user.id=42'.",
      discussion: """
        Conditions between spaces, all of which must hold. ':' is one of several, with * for any text; '=' and '!=' are \
        exact; '~' contains; '<' and '>' compare; '-' before a condition turns it round. Fields: queue, origin, name, id, \
        reason, error, source, key, correlation, attempts, replays, age, time, header.NAME, data.PATH. A word or a \
        \"quotation\" alone is looked for everywhere, bodies included.
        """, valueName: "filter"),
    transform: FilterArgument.parse)
  var filter: MessageFilter?
  @Option(
    help: ArgumentHelp("Only those of this group, by the id that `warren dead groups` shows.", valueName: "group"))
  var group: String?
  @Option(
    help: ArgumentHelp(
      "Only those that were parked at this time or before: in ISO 8601, or as it is shown.", valueName: "time"))
  var until: TimeArgument?

  /// Whether there is any condition.
  var isGiven: Bool {
    queue != nil || origin != nil || name != nil || reason != nil || filter != nil || group != nil || until != nil
  }

  func selection(ids: [MessageID] = [], limit: Int = .max, includesBodies: Bool = false) -> DeadLetterSelection {
    var selection = DeadLetterSelection(
      queue: queue, origin: origin, ids: ids, name: name, reason: reason, filter: filter ?? MessageFilter(),
      fingerprint: group, until: until?.end, limit: limit)
    selection.includesBodies = includesBodies
    return selection
  }
}
