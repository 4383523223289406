internal import Foundation
internal import ServiceLifecycle
internal import Synchronization
internal import Warren
internal import WarrenOperations

/// A broker as a dashboard shows it: what its JSON API can do. Everything else is refused with a sentence that says so.
final class RemoteBroker: Broker {
  let client: DashboardClient
  let capabilities: BrokerCapabilities
  /// The operations that were begun here, by the id that they were given here.
  private let begun = Mutex<[String: String]>([:])
  /// Those that the engine behind does not keep: they are over when they are answered.
  private let finished = Mutex<[String: BulkOperation]>([:])

  init(_ client: DashboardClient) {
    self.client = client
    capabilities = BrokerCapabilities(
      engine: "dashboard at \(client.base)", ordersByPriority: true, showsWaitingMessages: true, largestBody: .max)
  }

  func run() async throws { try? await gracefulShutdown() }

  static func unable(_ what: String) -> BrokerError {
    BrokerError(.unsupported, "a dashboard's API cannot \(what): name the broker itself with --broker")
  }

  func apply(_ topology: Topology) async throws(BrokerError) { throw Self.unable("apply a topology") }

  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    throw Self.unable("publish messages")
  }

  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { throw Self.unable("hand out messages") }

  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    throw Self.unable("settle messages")
  }

  /// The groups with what was said of them, as the dashboard sees their messages.
  func groups(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterGroups {
    try await client.get(DeadLetterGroups.self, "failures", try Self.fields(selection))
  }

  func mark(_ group: String, as mark: String) async throws(BrokerError) {
    try await client.post("failure/mark", [("group", group), ("as", mark)])
  }

  func schedules() async throws(BrokerError) -> [ScheduleStatus] {
    try await client.get([ScheduleStatus].self, "schedules")
  }

  /// `pause`, `resume` or `run`.
  @discardableResult
  func schedule(_ name: String, _ action: String) async throws(BrokerError) -> DashboardClient.Done {
    try await client.post("schedule/\(action)", [("name", name)])
  }

  // MARK: Selections

  /// The fields of an address that select the same; without those for a page.
  static func fields(_ selection: DeadLetterSelection) throws(BrokerError) -> [(String, String?)] {
    var filter = selection.filter
    let addresses = selection.ids.filter { $0.rawValue.hasPrefix("@") }
    if !addresses.isEmpty { throw unable("select several dead letters by their addresses") }
    if !selection.ids.isEmpty {
      filter.conditions.append(MessageCondition(.id, .equals(selection.ids.map(\.rawValue))))
    }
    if let until = selection.until {
      filter.conditions.append(MessageCondition(.time, .compares(.lessOrEqual, Double(until.wholeMilliseconds))))
    }
    return [
      ("q", filter.conditions.isEmpty ? nil : filter.text), ("queue", selection.queue?.rawValue),
      ("origin", selection.origin?.rawValue), ("group", selection.fingerprint),
    ]
  }
}

extension RemoteBroker: InspectableBroker {
  func queues() async throws(BrokerError) -> [QueueStatus] { try await client.get([QueueStatus].self, "queues") }
  func workers() async throws(BrokerError) -> [WorkerStatus] { try await client.get([WorkerStatus].self, "workers") }
  func topology() async throws(BrokerError) -> Topology { try await client.get(Topology.self, "topology") }
  func describe() async throws(BrokerError) -> BrokerDescription {
    try await client.get(BrokerDescription.self, "broker")
  }

  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    throw Self.unable("compare a topology")
  }

  func diagnose() async throws(BrokerError) -> [Finding] {
    throw Self.unable("look at everything that is stored")
  }

  /// Without what follows from the queues, which is found here again.
  func glance() async throws(BrokerError) -> [Finding] {
    let overview = try await client.get(Overview.self, "overview")
    let own = HealthRule().findings(about: overview.queues ?? [], now: overview.time)
    return overview.findings.filter { found in !own.contains { $0.queue == found.queue && $0.fix == found.fix } }
  }
}

extension RemoteBroker: OperableBroker {
  func pause(_ queue: QueueName) async throws(BrokerError) {
    try await client.post("queue/pause", [("name", queue.rawValue)])
  }
  func resume(_ queue: QueueName) async throws(BrokerError) {
    try await client.post("queue/resume", [("name", queue.rawValue)])
  }
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int {
    try await client.post("queue/purge", [("name", queue.rawValue), ("typed", queue.rawValue)]).count
  }
  func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    try await client.post("worker/cancel", [("id", id.rawValue), ("queue", queue.rawValue)]).count
  }
  func removeWaiting(_ id: MessageID, from queue: QueueName) async throws(BrokerError) -> Int {
    try await client.post("message/delete", [("id", id.rawValue), ("queue", queue.rawValue)]).count
  }
  /// The API runs a message now; it knows no other time.
  func reschedule(_ id: MessageID, in queue: QueueName, to time: Date) async throws(BrokerError) -> Int {
    if time > clock.now { throw Self.unable("put a message off") }
    return try await client.post("message/run", [("id", id.rawValue), ("queue", queue.rawValue)]).count
  }
}

extension RemoteBroker: MessageListingBroker {
  func messages(_ selection: QueuedMessageSelection) async throws(BrokerError) -> QueuedMessagePage {
    if let id = selection.id {
      let found = try await client.get(
        [QueuedMessageView].self, "message", [("id", id.rawValue), ("queue", selection.queue?.rawValue)])
      return QueuedMessagePage(messages: found.map { QueuedMessage($0) }, hasMore: false)
    }
    struct Messages: Decodable {
      var messages: [QueuedMessageView]
      var hasMore: Bool
      var looked: Int?
    }
    let page = try await client.get(
      Messages.self, "messages",
      [
        ("queue", selection.queue?.rawValue), ("state", selection.state?.rawValue),
        ("q", selection.filter.conditions.isEmpty ? nil : selection.filter.text),
      ])
    let shown = page.messages.prefix(selection.limit).map { QueuedMessage($0) }
    return QueuedMessagePage(
      messages: shown, hasMore: page.hasMore || shown.count < page.messages.count, looked: page.looked)
  }
}

extension RemoteBroker: AuditLog {
  /// The dashboard writes what is done over it.
  func record(_ entry: AuditEntry) async throws(BrokerError) {}

  func audit(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry] {
    Array(try await newestAudit(limit: .max).reversed().drop { $0.number <= number }.prefix(max(0, limit)))
  }

  /// As many as the dashboard gives.
  func newestAudit(limit: Int) async throws(BrokerError) -> [AuditEntry] {
    Array(try await client.get([AuditEntry].self, "audit").prefix(max(0, limit)))
  }
}

extension RemoteBroker: RestoringBroker {
  func deletedDeadLetters(limit: Int) async throws(BrokerError) -> [DeletedDeadLetter] {
    Array(try await client.get([DeletedDeadLetter].self, "dead-letters/deleted").prefix(max(0, limit)))
  }

  func restoreDeadLetters(_ ids: [MessageID]) async throws(BrokerError) -> [MessageID] {
    let wanted = Set(ids)
    let known = try await deletedDeadLetters(limit: .max).filter { letter in
      wanted.contains(letter.address) || letter.id.map(wanted.contains) == true
    }
    if known.isEmpty { return [] }
    let done = try await client.post("dead-letters/restore", [], picks: known.map(\.address.rawValue))
    return Array(known.map(\.address).prefix(done.count))
  }
}

extension RemoteBroker: BulkOperatingBroker {
  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    if !selection.ids.isEmpty, selection.ids.count == 1 || selection.ids.contains(where: { $0.rawValue.hasPrefix("@") })
    {
      return try await single(selection)
    }
    if selection.includesBodies { throw Self.unable("give the bodies of many dead letters") }
    struct Letters: Decodable {
      var deadLetters: [DeadLetterView]
      var next: Int64?
    }
    let limit = min(max(1, selection.limit), 500)
    let fields =
      try Self.fields(selection) + [("limit", "\(limit)"), ("after", selection.after.map { "\($0.position)" })]
    let page = try await client.get(Letters.self, "dead-letters", fields)
    return DeadLetterPage(
      letters: page.deadLetters.map { DeadLetter($0) }, next: page.next.map { .init(position: $0) })
  }

  /// Those that are named, one by one, with their bodies as they are shown.
  private func single(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    if !selection.filter.conditions.isEmpty || selection.fingerprint != nil {
      throw Self.unable("select by addresses and by conditions together")
    }
    var letters: [DeadLetter] = []
    for id in selection.ids {
      do throws(BrokerError) {
        let fields = [("id", id.rawValue), ("queue", selection.queue?.rawValue)]
        letters += try await client.get([DeadLetterView].self, "dead-letter", fields).map { DeadLetter($0) }
      } catch { if error.code != .notFound { throw error } }
    }
    letters = letters.filter { letter in
      (selection.origin.map { $0 == letter.origin } ?? true) && (selection.until.map { letter.time <= $0 } ?? true)
    }
    return DeadLetterPage(letters: Array(letters.prefix(selection.limit)), next: nil)
  }

  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    throw Self.unable("replay step by step")
  }

  func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    throw Self.unable("edit what it hides from view here (its pages can)")
  }

  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    throw Self.unable("delete step by step")
  }

  /// Asks the dashboard to do it. Where its engine keeps operations, it goes on there; otherwise it is over when this returns.
  func keep(_ operation: BulkOperation) async throws(BrokerError) {
    let selection = operation.selection
    let action = operation.action.rawValue
    let done: DashboardClient.Done
    if selection.ids.isEmpty {
      guard let until = selection.until else { throw Self.unable("act on what was not counted") }
      var given = selection
      given.until = nil
      done = try await client.post(
        "dead-letters/all",
        try Self.fields(given) + [
          ("do", action), ("count", "\(operation.total)"), ("until", "\(until.wholeMilliseconds)"),
          ("rate", operation.rate.map { "\($0)" }), ("sure", "yes"),
        ])
    } else {
      if operation.rate != nil { throw Self.unable("keep to a rate when ids are named") }
      var all = selection
      all.includesBodies = false
      // An address names a time to the millisecond, which a fraction of one would miss; the ids say which are meant.
      all.until = nil
      let letters = try await deadLetters(all).letters
      let picks = letters.compactMap { letter in
        (letter.address ?? letter.message.id).map { Self.pick($0, letter.queue) }
      }
      done = try await client.post("dead-letters/selected", [("do", action), ("sure", "yes")], picks: picks)
    }
    if let id = done.operation { return begun.withLock { $0[operation.id] = id } }
    var over = operation
    over.state = .done
    over.done = done.count
    over.skipped.unreachable = done.stayed
    over.skipped.gone = max(0, operation.total - done.count - done.stayed)
    finished.withLock { [over] in $0[operation.id] = over }
  }

  private static func pick(_ id: MessageID, _ queue: QueueName) -> String {
    var parts = URLComponents()
    parts.queryItems = [.init(name: "queue", value: queue.rawValue), .init(name: "id", value: id.rawValue)]
    // As forms have it, `+` is a space.
    return parts.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B") ?? ""
  }

  /// The dashboard does the steps; this looks how far it is.
  func advance(_ id: String, runner: String, atMost limit: Int) async throws(BrokerError) -> BulkOperation {
    if let over = finished.withLock({ $0[id] }) { return over }
    let operation = try await existing(id)
    // The pace at which it is asked again: the API tells nothing by itself.
    if operation.state == .running { try? await clock.sleep(for: .milliseconds(200)) }
    return operation
  }

  func takeOver(_ id: String, runner: String) async throws(BrokerError) -> BulkOperation {
    try await client.post("operation/resume", [("id", id)])
    return try await existing(id)
  }

  func cancelOperation(_ id: String) async throws(BrokerError) -> BulkOperation {
    try await client.post("operation/cancel", [("id", id)])
    return try await existing(id)
  }

  func bulkOperations(limit: Int) async throws(BrokerError) -> [BulkOperation] {
    Array(try await client.get([BulkOperation].self, "operations").prefix(max(0, limit)))
  }

  func bulkOperation(_ id: String) async throws(BrokerError) -> BulkOperation? {
    do { return try await existing(id) } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  private func existing(_ id: String) async throws(BrokerError) -> BulkOperation {
    let known = begun.withLock { $0[id] } ?? id
    return try await client.get(BulkOperation.self, "operation", [("id", known)])
  }
}
