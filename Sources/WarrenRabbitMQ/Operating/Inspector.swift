internal import AMQP
internal import Foundation
internal import Warren

/// Tells what is in the queues and who works on them.
struct Inspector: Sendable {
  let session: Session
  let known: KnownTopology
  let consumers: RunningConsumers
  let channel: ControlChannel
  let started: Date
  let processName: String

  /// The queues of the topologies that this process applied and, when the management API answers, all others.
  ///
  /// What waits is counted by the broker itself and is exact. What other processes hold, and the rates, are known to the
  /// management API only, which is up to 5 s late. What is delayed cannot be told.
  ///
  /// - Throws: ``BrokerError/Code/unsupported`` when the API does not answer and this process has applied no topology: AMQP
  ///   alone cannot list queues.
  func queues() async throws(BrokerError) -> [QueueStatus] {
    let declared = known.queues
    let listed = await session.management.queues()
    if listed == nil, declared.isEmpty { throw session.unlisted("queues cannot be listed") }
    let others = (listed ?? []).filter { !SystemNames.isInternal($0.name) && !$0.isPassing }.map { QueueName($0.name) }
    return try await statuses(Set(declared.keys).union(others).sorted(), listed)
  }

  /// One queue, also when the management API does not answer.
  func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    // The others tell whether it holds their dead letters.
    try await statuses([name], await session.management.queues()).first
  }

  /// Asks about all queues together, and only what is there: what is not would be an error in the broker's log each time.
  private func statuses(
    _ names: [QueueName], _ listed: [ManagementAPI.QueueInfo]?
  ) async throws(BrokerError) -> [QueueStatus] {
    let shown = Dictionary((listed ?? []).map { ($0.name, $0) }) { first, _ in first }
    let markers = listed == nil ? nil : await session.management.exchanges().map { Set($0.map(\.name)) }
    // What has lost its majority does not answer: its counts are those that the API remembers.
    var asked = names.map(\.rawValue).filter { shown[$0]?.isHalted != true }
    asked += names.map { SystemNames.suspects(of: $0) }.filter { shown[$0].map { !$0.isHalted } ?? false }
    if listed == nil { asked += names.filter { known.hasSuspects(of: $0) }.map { SystemNames.suspects(of: $0) } }
    let infos = try await session.infos(of: asked)
    var statuses: [QueueStatus] = []
    for name in names {
      let isPaused: Bool
      if let markers {
        isPaused = markers.contains(SystemNames.pauseMarker(of: name))
      } else {
        isPaused = try await isMarkedPaused(name)
      }
      if let status = status(name, shown[name.rawValue], infos, isPaused: isPaused) { statuses.append(status) }
    }
    return statuses
  }

  /// Without the management API a marker that is missing is an error in the broker's log, so it is not looked for more than
  /// once a minute.
  private func isMarkedPaused(_ queue: QueueName) async throws(BrokerError) -> Bool {
    if let isPaused = known.pause(of: queue) { return isPaused }
    let isPaused = try await session.hasExchange(SystemNames.pauseMarker(of: queue))
    known.note(pause: isPaused, of: queue)
    return isPaused
  }

  private func status(
    _ queue: QueueName, _ shown: ManagementAPI.QueueInfo?, _ infos: [String: AMQPQueueInfo], isPaused: Bool
  ) -> QueueStatus? {
    let asked = infos[queue.rawValue]
    if asked == nil, shown?.isHalted != true { return nil }
    // What has lost its majority is not asked; the API may know.
    let consuming = asked?.consumerCount ?? shown?.consumerCount ?? 0
    let declared = known.queues
    let holdsDeadLetters =
      declared[queue].map { own in own.deadLetter == nil || declared.values.contains { $0.deadLetter?.queue == queue } }
      ?? shown?.holdsDeadLetters ?? false
    let mayHoldDeadLetters =
      !holdsDeadLetters && declared[queue] == nil && (shown?.mayHoldDeadLetters ?? queue.rawValue.hasSuffix(".dlq"))
    let suspects = infos[SystemNames.suspects(of: queue)]?.messageCount ?? 0
    // When all consumers are this process's own, it knows best what they hold.
    let own = consumers.running(queue)
    let others = consuming - consumers.count(of: queue)
    let running = others > 0 ? shown.map { max(own, $0.unacknowledged) } : own
    var status = QueueStatus(
      name: queue, ready: (asked?.messageCount ?? shown?.ready ?? 0) + suspects, delayed: nil, running: running,
      oldest: nil, isPaused: isPaused, holdsDeadLetters: holdsDeadLetters,
      deadLetterQueue: declared[queue]?.deadLetter?.queue ?? shown?.deadLetterQueues.first.map { QueueName($0) },
      consumers: consuming, totals: nil, rates: shown?.rates)
    status.mayHoldDeadLetters = mayHoldDeadLetters
    return status
  }

  /// The broker, and its nodes where the management API tells them.
  func describe() async throws(BrokerError) -> BrokerDescription {
    var facts: [BrokerDescription.Fact] = []
    if let connections = await session.management.connections() {
      facts.append(.init("Connections", "\(connections.count)"))
    }
    let nodes = await session.management.nodes()
    if nodes == nil { facts.append(.init("Management API", session.management.failure)) }
    let queues = await session.management.queues() ?? []
    let leaders = Dictionary(grouping: queues, by: { $0.leader ?? "" }).mapValues(\.count)
    return BrokerDescription(
      engine: session.server.name, facts: facts,
      nodes: nodes?.sorted { $0.name < $1.name }.map { node in
        BrokerDescription.Node(
          name: node.name, isRunning: node.isRunning, alarms: node.alarms,
          facts: leaders[node.name].map { [.init("Quorum queues that it leads", "\($0)")] } ?? [])
      })
  }

  /// The processes that consume. The management API knows them; those of Warren tell what they work on.
  func workers() async throws(BrokerError) -> [WorkerStatus] {
    guard let consumers = await session.management.consumers(),
      let connections = await session.management.connections(), let channels = await session.management.channels()
    else { throw session.unlisted("workers cannot be listed") }
    let listening = Set(consumers.filter { $0.queueName.hasPrefix(SystemNames.control) }.map(\.connection)).count
    var reports = await reports(from: listening).compactMap(\.worker)
    return connections.compactMap { connection in
      let queues = Set(consumers.filter { $0.connection == connection.name }.map(\.queueName))
        .filter { !SystemNames.isInternal($0) }
      if queues.isEmpty { return nil }
      let name = connection.givenName ?? connection.name
      let report = reports.firstIndex { $0.name == name }.map { reports.remove(at: $0) }
      let held = channels.filter { $0.connection == connection.name }.reduce(0) { $0 + $1.unacknowledged }
      return WorkerStatus(
        name: name, since: connection.since, queues: queues.map { QueueName($0) }.sorted(),
        running: report?.running ?? held, deliveries: report?.deliveries)
    }
  }

  /// What the processes say themselves; one that does not answer in time is missing, and all where this user may not ask.
  private func reports(from count: Int, for patience: Duration = .seconds(1)) async -> [ControlAnswer] {
    if count == 0 { return [] }
    return (try? await channel.ask(ControlMessage(.report), for: patience) { $0.count >= count }) ?? []
  }

  /// The bindings that the workers of each queue ask for; a queue of which one worker has not told them is not among them. `nil`
  /// when the management API does not answer.
  func askedBindings() async -> [QueueName: Set<Binding>]? {
    guard let consumers = await session.management.consumers(), let connections = await session.management.connections()
    else { return nil }
    let listening = Set(consumers.filter { $0.queueName.hasPrefix(SystemNames.control) }.map(\.connection)).count
    let names = Dictionary(connections.map { ($0.name, $0.givenName) }) { first, _ in first }
    let working = consumers.filter { !SystemNames.isInternal($0.queueName) }
    return Self.asked(
      Dictionary(grouping: working, by: { QueueName($0.queueName) }).mapValues { consumers in
        Set(consumers.map(\.connection)).map { names[$0] ?? nil }
      }, await reports(from: listening, for: .seconds(3)))
  }

  /// What the workers of each queue, given by their names, ask for together.
  static func asked(_ workers: [QueueName: [String?]], _ reports: [ControlAnswer]) -> [QueueName: Set<Binding>] {
    let byName = Dictionary(grouping: reports) { $0.worker?.name ?? "" }
    var asked: [QueueName: Set<Binding>] = [:]
    for (queue, names) in workers {
      var wanted: Set<Binding> = []
      var isComplete = true
      for (name, connections) in Dictionary(grouping: names, by: { $0 }) {
        let answers = name.flatMap { byName[$0] } ?? []
        let told = answers.compactMap { $0.asked?[queue.rawValue] }
        if told.count < connections.count { isComplete = false }
        for bindings in told { wanted.formUnion(bindings) }
      }
      if isComplete { asked[queue] = wanted }
    }
    return asked
  }

  /// What this process works on.
  func report() -> ControlAnswer {
    let own = consumers.all
    let handled = own.flatMap(\.consumer.handled).sorted { $0.since < $1.since }
    let queues = Set(own.map(\.queue))
    let asked = known.asked.filter { queues.contains($0.key) }.map { ($0.key.rawValue, Array($0.value)) }
    return ControlAnswer(
      worker: WorkerStatus(
        name: session.configuration.connectionName ?? processName, since: started, queues: queues.sorted(),
        running: own.reduce(0) { $0 + $1.open.count }, deliveries: Array(handled.prefix(100))),
      asked: Dictionary(asked) { first, _ in first })
  }
}
