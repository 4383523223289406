internal import AMQP
internal import Warren

/// Finds what an operator should know or fix at the broker. How the queues are is the core's to judge.
struct Doctor: Sendable {
  let session: Session
  let known: KnownTopology
  let inspector: Inspector
  let topology: TopologyApplier
  let leases: Leases
  let limits: LimitCheck
  let rights: RightsCheck

  /// What an operator should know or fix.
  func diagnose() async throws(BrokerError) -> [Finding] {
    let (queues, nodes) = await shown()
    let found = try await findings(queues, nodes)
    // Where most nodes are away nothing can be declared at all.
    if let nodes, nodes.filter(\.isRunning).count * 2 <= nodes.count { return found }
    return found + (await rights.findings())
  }

  /// All of it that can be found without declaring anything.
  func glance() async throws(BrokerError) -> [Finding] {
    let (queues, nodes) = await shown()
    return try await findings(queues, nodes)
  }

  /// What the management API shows. The nodes come last, as fewer users may look at them.
  private func shown() async -> (queues: [ManagementAPI.QueueInfo]?, nodes: [ManagementAPI.NodeInfo]?) {
    let queues = await session.management.queues()
    guard queues != nil, let nodes = await session.management.nodes() else { return (queues, nil) }
    // A queue that has lost its leader goes on to name the nodes that were up before.
    let running = Set(nodes.filter(\.isRunning).map(\.name))
    return (queues?.map { $0.living(on: running) }, nodes)
  }

  private func findings(
    _ queues: [ManagementAPI.QueueInfo]?, _ nodes: [ManagementAPI.NodeInfo]?
  ) async throws(BrokerError) -> [Finding] {
    var findings = [
      session.server.isSupported
        ? Finding(.fine, "connected to \(session.server.name)")
        : Finding(
          .warning, "\(session.server.name) is older than 3.10, the oldest that Warren is tested with",
          fix: "upgrade RabbitMQ")
    ]
    if case .blocked(reason: let reason) = session.publishing.state {
      findings.append(
        Finding(
          .problem, "RabbitMQ takes no messages: \(reason)", fix: "give the broker memory or disk, or empty its queues"
        ))
    }
    findings += try await findingsOnTopology(halted: Set((queues ?? []).filter(\.isHalted).map(\.name)))
    findings += known.timeouts.sorted { $0.key < $1.key }.map { queue, timeout in
      Finding(
        .problem, queue: queue,
        "RabbitMQ took deliveries of '\(queue)' away that were held for longer than \(timeout.words) (consumer_timeout): "
          + "they are handled again elsewhere", fix: "give its handlers a shorter timeout, or raise consumer_timeout")
    }
    return findings + (await findingsOfManagement(queues, nodes, session.server))
  }

  private func findingsOnTopology(
    halted: Set<String>
  ) async throws(BrokerError) -> [Finding] {
    var findings: [Finding] = []
    for queue in known.queues.keys.sorted() where !halted.contains(queue.rawValue) {
      if try await session.mayBeThere(queue) { continue }
      findings.append(
        Finding(.problem, queue: queue, "the queue '\(queue)' is missing", fix: "apply the topology that declares it"))
    }
    return findings
  }

  private func findingsOfManagement(
    _ queues: [ManagementAPI.QueueInfo]?, _ nodes: [ManagementAPI.NodeInfo]?, _ server: Server
  ) async -> [Finding] {
    guard let queues else {
      return [
        Finding(
          .warning,
          "the management API \(session.management.failure): alarms, lost nodes, other processes, delay buckets that stand "
            + "still and queues that this process did not declare are not seen, nor are bindings compared",
          fix: "enable the plugin rabbitmq_management, or say where it is: amqp://…?management=http://HOST:15672")
      ]
    }
    guard let nodes else {
      return [
        Finding(
          .warning, "the management API \(session.management.failure): alarms and lost nodes are not seen",
          fix: "give the user the tag 'monitoring': `rabbitmqctl set_user_tags USER monitoring`")
      ]
    }
    return PolicyRule.findings(about: queues, on: server) + Self.findings(on: nodes)
      + Self.findings(on: queues, nodes: nodes.count) + Self.findingsOnRoutes(queues)
      + (await limits.findings(queues, on: nodes)) + (await findingsOnConsumers(queues, server))
      + (await findingsOnBindings()) + (await findingsOnBuckets(queues))
  }

  /// Bindings that no worker asks for. Workers tell what they ask for; of a queue of which one does not, nothing is known.
  private func findingsOnBindings() async -> [Finding] {
    guard let asked = await inspector.askedBindings(), !asked.isEmpty,
      let declared = try? await topology.topology()
    else { return [] }
    return UnaskedBindings.findings(in: declared, asked: asked)
  }

  static func findings(on nodes: [ManagementAPI.NodeInfo]) -> [Finding] {
    let running = nodes.filter(\.isRunning).count
    return [Finding(.fine, nodes.count == 1 ? "one node, which runs" : "\(running) of \(nodes.count) nodes run")]
      + nodes.flatMap { node in
        node.alarms.map { Finding(.problem, "the node \(node.name) \($0)", fix: "repair the node") }
      }
  }

  /// Where the queues live. One finding for all of a kind: a lost node can concern thousands.
  static func findings(on queues: [ManagementAPI.QueueInfo], nodes: Int) -> [Finding] {
    var halted: [String] = [], critical: [String] = [], thin: [String] = [], classic: [String] = []
    for queue in queues where queue.isDurable && !queue.isPassing {
      if let members = queue.members?.count, let online = queue.online?.count {
        if queue.isHalted {
          halted.append(queue.name)
        } else if (online - 1) * 2 <= members, online < members {
          critical.append(queue.name)
        } else if members < min(3, nodes) {
          thin.append(queue.name)
        }
      } else if queue.kind == "classic", nodes > 1, !SystemNames.isInternal(queue.name) {
        classic.append(queue.name)
      }
    }
    func finding(
      _ severity: Finding.Severity, _ names: [String], _ one: String, _ many: String, fix: Fix
    ) -> Finding? {
      guard let first = names.min() else { return nil }
      return names.count == 1
        ? Finding(severity, queue: QueueName(first), "the queue '\(first)' \(one)", fix: fix)
        : Finding(severity, "\(names.count) queues, such as '\(first)', \(many)", fix: fix)
    }
    return [
      finding(
        .problem, halted, "has lost the majority of its nodes: it neither takes nor gives messages",
        "have lost the majority of their nodes: they neither take nor give messages",
        fix: "start the nodes that are down; nothing that was confirmed is lost"),
      finding(
        .warning, critical, "stops when one more of its nodes goes", "stop when one more of their nodes goes",
        fix: "start the nodes that are down, and restart none before"),
      finding(
        .warning, thin, "lives on fewer than three nodes of the cluster",
        "live on fewer than three nodes of the cluster",
        fix: "put them on more: `rabbitmq-queues grow NODE all`"),
      finding(
        .warning, classic, "is durable and classic: it lives on one node of the cluster and goes with it",
        "are durable and classic: each lives on one node of the cluster and goes with it",
        fix: "move their work to quorum queues, which Warren declares"),
    ].compactMap { $0 }
  }

  /// Queues whose dead letters go nowhere: what a consumer rejects there, or what expires, is lost.
  static func findingsOnRoutes(_ queues: [ManagementAPI.QueueInfo]) -> [Finding] {
    queues.sorted { $0.name < $1.name }.compactMap { queue in
      queue.lostDeadLetters.map { reason in
        Finding(
          .problem, queue: QueueName(queue.name),
          "the dead letters of '\(queue.name)' go nowhere: \(reason), and RabbitMQ drops what is rejected or expires there",
          fix: "declare what is missing: the exchange and a queue that is bound to it by that key")
      }
    }
  }

  /// Delay buckets that stand still. A message whose time is over is gone in milliseconds; whether those that were seen are
  /// gone is asked for longer than the numbers of the management API may be old, which is five seconds: only time makes them new.
  private func findingsOnBuckets(_ queues: [ManagementAPI.QueueInfo]) async -> [Finding] {
    var standing = Self.overdue(queues)
    for _ in 0..<12 where !standing.isEmpty {
      try? await Task.sleep(for: .seconds(1))
      guard let queues = await session.management.queues() else { return [] }
      let now = Self.overdue(queues)
      standing = standing.compactMapValues { before in
        now[before.name].flatMap { $0.overdue >= before.overdue ? $0 : nil }
      }
    }
    return standing.values.sorted { $0.name < $1.name }.map { bucket in
      let count = bucket.overdue
      if bucket.name.hasPrefix(SystemNames.relayPrefix), let queue = bucket.setting("dead-letter-routing-key") {
        return Finding(
          .problem, queue: SystemNames.isInternal(queue) ? nil : QueueName(queue),
          "\(count) message\(count == 1 ? "" : "s") whose time has come cannot go to the queue '\(queue)': it is deleted, full or has no "
            + "majority. RabbitMQ offers them again after dead_letter_worker_publisher_confirm_timeout, 3 minutes by default",
          fix:
            "declare the queue again, make room in it, or start its nodes; nothing is lost, and no other queue waits for it"
        )
      }
      return Finding(
        .problem,
        "\(count) message\(count == 1 ? " lies" : "s lie") in the delay bucket '\(bucket.name)' although the time is over. "
          + "Either their queue refused them, and RabbitMQ offers them again after "
          + "dead_letter_worker_publisher_confirm_timeout, 3 minutes by default; or RabbitMQ has lost the process that moves "
          + "them on, as it can before 4.2.7 and 4.3.1 when a queue changes its leader twice in a moment",
        fix: Fix(
          "if they are there for longer, restart RabbitMQ on the node that leads the bucket"
            + "\(bucket.leader.map { " (\($0))" } ?? ""): `rabbitmqctl stop_app`, `rabbitmqctl start_app`. Nothing is lost"
        )
      )
    }
  }

  private static func overdue(_ queues: [ManagementAPI.QueueInfo]) -> [String: ManagementAPI.QueueInfo] {
    let buckets = queues.filter {
      $0.overdue > 0 && ($0.name.hasPrefix(SystemNames.bucketPrefix) || $0.name.hasPrefix(SystemNames.relayPrefix))
    }
    return Dictionary(buckets.map { ($0.name, $0) }) { first, _ in first }
  }

  /// Workers say with their consumers how long they may hold a delivery. None begins that the broker would interrupt, but the
  /// broker's settings can change afterwards.
  private func findingsOnConsumers(_ queues: [ManagementAPI.QueueInfo], _ server: Server) async -> [Finding] {
    guard let consumers = await session.management.consumers() else { return [] }
    var findings: [Finding] = []
    var wanted: [String: Int] = [:]
    for consumer in consumers where !SystemNames.isInternal(consumer.queueName) {
      guard let time = consumer.wantedTimeout else { continue }
      wanted[consumer.queueName] = max(wanted[consumer.queueName] ?? 0, time)
    }
    for (name, milliseconds) in wanted.sorted(by: { $0.key < $1.key }) {
      let queue = QueueName(name), time = Duration.milliseconds(milliseconds)
      if server.consumersHaveTimeouts { continue }
      guard let timeout = await leases.timeout(of: queue, queues.first { $0.name == name }) else { continue }
      if timeout.lease.duration < time {
        findings.append(
          Finding(
            timeout.isAssumed ? .warning : .problem, queue: queue,
            "a worker may hold a message of '\(name)' for \(time.words), and RabbitMQ takes it away after "
              + "\(timeout.lease.duration.words), as \(timeout.lease.source) says",
            fix: "give its handlers a shorter timeout; or a longer time: \(timeout.lease.fix)"))
      } else {
        findings.append(
          Finding(
            .fine, queue: queue,
            "a worker may hold a message of '\(name)' for \(time.words); RabbitMQ lets it for "
              + "\(timeout.lease.duration.words), as \(timeout.lease.source) says"))
      }
    }
    return findings
  }
}
