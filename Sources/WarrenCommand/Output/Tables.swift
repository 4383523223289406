internal import Warren
internal import WarrenOperations

/// The columns of every list. Scripts cut out the first ones by their place, so their order does not change.
enum Tables {
  static var queues: Table<QueueStatus> {
    Table(columns: [
      Column("name", style: { $0.state == .deadLetters ? .dim : .plain }) { row, _ in row.name.rawValue },
      Column("state", style: { Style($0.state) }) { row, _ in row.state.rawValue },
      Column("ready", number: true) { $1.number($0.ready) },
      Column("delayed", number: true, optional: true) { $1.number($0.delayed) },
      Column("running", number: true) { $1.number($0.running) },
      Column("oldest", number: true) { $0.oldest == nil && $0.ready > 0 ? Format.unknown : $1.age($0.oldest) },
      Column("consumers", number: true) { $1.number($0.consumers) },
      Column("published", number: true, byDefault: false) { $1.number($0.totals?.published) },
      Column("completed", number: true, optional: true) { $1.number($0.totals?.completed) },
      Column("retried", number: true, optional: true) { $1.number($0.totals?.retried) },
      Column("dead", number: true) { $1.number($0.totals?.deadLettered) },
      Column("in/s", number: true, byDefault: false) { $1.rate($0.rates?.published) },
      Column("out/s", number: true, byDefault: false) { $1.rate($0.rates?.delivered) },
      Column("done/s", number: true, byDefault: false) { $1.rate($0.rates?.settled) },
      Column("dead-letters-to", byDefault: false) { row, _ in row.deadLetterQueue?.rawValue ?? "" },
    ])
  }

  static var deadLetters: Table<DeadLetterView> {
    Table(columns: [
      Column("id", whole: true) { row, _ in (row.id ?? row.address)?.rawValue ?? "" },
      Column("origin") { row, _ in row.origin.rawValue },
      Column("name", optional: true) { row, _ in row.name?.rawValue ?? "" },
      Column("reason", style: { _ in .bad }) { row, _ in row.reason.rawValue },
      Column("attempts", number: true, optional: true) { $1.number($0.attempts) },
      Column("parked", number: true) { $1.age($0.time) },
      Column("detail") { row, _ in row.detail },
      Column("queue", byDefault: false) { row, _ in row.queue.rawValue },
      Column("exchange", byDefault: false) { row, _ in row.exchange?.rawValue ?? "" },
      Column("key", byDefault: false) { row, _ in row.routingKey.rawValue },
      Column("published", byDefault: false) { $1.time($0.published) },
      Column("interruptions", number: true, byDefault: false) { $1.number($0.interruptions) },
      Column("replays", number: true, byDefault: false) { $1.number($0.replays) },
      Column("source", byDefault: false) { row, _ in row.source ?? "" },
      Column("body", byDefault: false) { row, _ in row.body?.text ?? "" },
      Column("address", byDefault: false) { row, _ in row.address?.rawValue ?? "" },
    ])
  }

  static var deletedDeadLetters: Table<DeletedDeadLetter> {
    Table(columns: [
      Column("address", whole: true) { row, _ in row.address.rawValue },
      Column("id", whole: true) { row, _ in row.id?.rawValue ?? "" },
      Column("origin") { row, _ in row.origin.rawValue },
      Column("name", optional: true) { row, _ in row.name?.rawValue ?? "" },
      Column("reason", style: { _ in .bad }) { row, _ in row.reason.rawValue },
      Column("deleted", number: true) { $1.age($0.time) },
      Column("queue", byDefault: false) { row, _ in row.queue.rawValue },
    ])
  }

  static var messages: Table<QueuedMessageView> {
    Table(columns: [
      Column("id", whole: true) { row, _ in row.id?.rawValue ?? "" },
      Column("name") { row, _ in row.name?.rawValue ?? "" },
      Column("state", style: { $0.state == .running ? .good : .plain }) { row, _ in row.state.rawValue },
      Column("published", number: true) { $1.age($0.published) },
      Column("due", number: true) { $1.until($0.due) },
      Column("since", number: true) { $1.age($0.since) },
      Column("attempts", number: true) { $1.number($0.attempts) },
      Column("priority", number: true, optional: true) { $1.number(Int($0.priority.rawValue)) },
      Column("worker", optional: true) { row, _ in row.worker ?? "" },
      Column("interruptions", number: true, byDefault: false) { $1.number($0.interruptions) },
      Column("replays", number: true, byDefault: false) { $1.number($0.replays) },
      Column("expires", number: true, byDefault: false) { $1.until($0.expiresAt) },
      Column("exchange", byDefault: false) { row, _ in row.exchange?.rawValue ?? "" },
      Column("key", byDefault: false) { row, _ in row.routingKey.rawValue },
      Column("source", byDefault: false) { row, _ in row.source ?? "" },
      Column("error", byDefault: false) { row, _ in row.failures.last?.message ?? "" },
    ])
  }

  static var groups: Table<DeadLetterGroup> {
    Table(columns: [
      Column("group", whole: true) { row, _ in row.fingerprint },
      Column("state", optional: true) { row, _ in row.state?.rawValue ?? Format.unknown },
      Column("count", number: true) { $1.number($0.count) },
      Column("origin") { row, _ in row.origin.rawValue },
      Column("name", optional: true) { row, _ in row.name?.rawValue ?? "" },
      Column("reason", style: { _ in .bad }) { row, _ in row.reason.rawValue },
      Column("error") { row, _ in row.error ?? "" },
      Column("first", number: true, optional: true) { $1.age($0.first) },
      Column("last", number: true) { $1.age($0.last) },
      Column("message") { row, _ in row.message },
      Column("example", whole: true, byDefault: false) { row, _ in row.example?.rawValue ?? "" },
    ])
  }

  static var workers: Table<WorkerStatus> {
    Table(columns: [
      Column("name") { row, _ in row.name },
      Column("since", number: true) { $1.age($0.since) },
      Column("running", number: true) { $1.number($0.running) },
      Column("queues") { row, _ in row.queues.map(\.rawValue).joined(separator: ",") },
      Column("handles", byDefault: false) { row, _ in
        row.deliveries?.map { $0.id?.rawValue ?? "?" }.joined(separator: ",") ?? Format.unknown
      },
    ])
  }

  static var schedules: Table<ScheduleStatus> {
    func state(_ row: ScheduleStatus) -> (word: String, style: Style) {
      if row.isPaused { return ("paused", .warning) }
      return row.error == nil ? ("active", .good) : ("failing", .bad)
    }
    return Table(columns: [
      Column("name", whole: true) { row, _ in row.name },
      Column("when") { row, _ in row.recurrence.description },
      Column("next", number: true) { $1.time($0.next) },
      Column("last", number: true, optional: true) { $1.age($0.lastRun) },
      Column("state", style: { state($0).style }) { row, _ in state(row).word },
      Column("error") { row, _ in row.error ?? "" },
      Column("job", byDefault: false) { row, _ in row.job.rawValue },
      Column("queue", byDefault: false) { row, _ in row.queue.rawValue },
    ])
  }

  static var breakers: Table<BreakerStatus> {
    Table(columns: [
      Column("dependency", whole: true) { row, _ in row.dependency.rawValue },
      Column("worker") { row, _ in row.worker },
      Column("since", number: true) { $1.age($0.since) },
      Column("tries", number: true) { $1.time($0.until) },
      Column("queues") { row, _ in row.queues.map(\.rawValue).joined(separator: ", ") },
      Column("error") { row, _ in row.error },
      Column("process", byDefault: false) { row, _ in row.process },
    ])
  }

  static var waitingPublications: Table<WaitingPublication> {
    Table(columns: [
      Column("id", whole: true) { row, _ in row.id.rawValue },
      Column("name") { row, _ in row.name?.rawValue ?? "" },
      Column("to") { row, _ in row.destination },
      Column("waits", number: true) { $1.age($0.stored) },
      Column("attempts", number: true) { $1.number($0.attempts) },
      Column("next", number: true, optional: true) { $1.until($0.nextTry) },
      Column("error", style: { _ in .bad }) { row, _ in row.error ?? "" },
    ])
  }

  static var failingPublications: Table<FailingPublication> {
    Table(columns: [
      Column("id", whole: true) { row, _ in row.id.rawValue },
      Column("name") { row, _ in row.name?.rawValue ?? "" },
      Column("to") { row, _ in row.destination },
      Column("waits", number: true) { $1.age($0.stored) },
      Column("attempts", number: true) { $1.number($0.attempts) },
      Column("next", number: true) { $1.until($0.nextTry) },
      Column("error", style: { _ in .bad }) { row, _ in row.error },
    ])
  }

  static var findings: Table<Finding> {
    Table(columns: [
      Column("severity", style: { Style($0.severity) }) { row, _ in row.severity.rawValue },
      Column("text") { row, _ in row.text },
      Column("fix") { row, _ in row.fix?.withCommand ?? "" },
      Column("queue", byDefault: false) { row, _ in row.queue?.rawValue ?? "" },
    ])
  }

  static var operations: Table<BulkOperation> {
    Table(columns: [
      Column("id", whole: true) { row, _ in row.id },
      Column("action") { row, _ in row.action.rawValue },
      Column("state", style: { $0.state == .running ? .warning : .plain }) { row, _ in row.state.rawValue },
      Column("done", number: true) { $1.number($0.done) },
      Column("total", number: true) { $1.number($0.total) },
      Column("skipped", number: true) { $1.number($0.skipped.total) },
      Column("step", number: true) { $1.age($0.updated) },
      Column("by") { row, _ in row.actor },
      Column("filter") { row, _ in row.filter },
      Column("started", byDefault: false) { $1.time($0.started) },
      Column("process", byDefault: false) { row, _ in row.runner },
    ])
  }

  static var audit: Table<AuditEntry> {
    Table(columns: [
      Column("number", number: true) { $1.number(Int(clamping: $0.number)) },
      Column("time", whole: true) { $1.time($0.time) },
      Column("actor") { row, _ in row.actor },
      Column("action", whole: true) { row, _ in row.action },
      Column("stage", style: { $0.stage == .failed ? .bad : .plain }) { row, _ in row.stage.rawValue },
      Column("queue") { row, _ in row.queue?.rawValue ?? "" },
      Column("count", number: true) { $1.number($0.count) },
      Column("filter") { row, _ in row.filter ?? "" },
      Column("note") { row, _ in row.note ?? "" },
      Column("message", byDefault: false) { row, _ in row.message?.rawValue ?? "" },
      Column("operation", byDefault: false) { row, _ in row.operation ?? "" },
    ])
  }

  static var topology: Table<TopologyRow> {
    Table(columns: [
      Column("kind") { row, _ in row.kind },
      Column("name", whole: true) { row, _ in row.name },
      Column("details") { row, _ in row.details },
    ])
  }

  static var differences: Table<TopologyDifference> {
    Table(columns: [
      Column("subject", whole: true) { row, _ in row.subject },
      Column("declared", style: { _ in .bad }) { row, _ in row.declared },
      Column("wanted") { row, _ in row.wanted },
      Column("fix") { row, _ in row.fix?.withCommand ?? "" },
    ])
  }
}
