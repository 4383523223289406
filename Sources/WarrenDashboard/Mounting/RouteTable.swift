internal import HTTPTypes

/// Every page and every action, and what it takes to be allowed.
enum RouteTable {
  static let routes: [Route] = pages + assets + api

  private static let assets: [Route] = Assets.all.map { asset in
    .get(asset.path, .see) { _ in .asset(asset.bytes, type: asset.type) }
  }

  /// Reading has answers of its own; what changes something is the same as on the pages.
  private static let api: [Route] =
    ([
      .get("overview", .see, API.overview), .get("queues", .see, API.queues), .get("queue", .see, API.queue),
      .get("dead-letters", .see, API.deadLetters), .get("dead-letters/count", .see, API.count),
      .get("dead-letters/deleted", .see, API.deleted), .get("dead-letter", .see, API.deadLetter),
      .get("failures", .see, API.groups), .get("workers", .see, API.workers),
      .get("history", .see, API.history),
      .get("topology", .see, API.topology), .get("messages", .see, API.messages), .get("message", .see, API.message),
      .get("schedules", .see, API.schedules), .get("outbox", .see, API.outbox), .get("broker", .see, API.broker),
      .get("openapi.json", .see) { _ in .json(API.description, .ok) },
      .get("operations", .see, API.operations),
      .get("operation", .see, API.operation), .get("audit", .see, API.audit),
    ] + pages.filter { $0.method == .post && !$0.path.hasSuffix("/reveal") }).map(\.asAPI)

  private static let pages: [Route] =
    [
      .page("", .see, OverviewPage.page),
      .page("queues", .see, QueuesPage.page),
      .page("queue", .see, QueuePage.page),
      .post("queue/pause", .pause, QueuePage.pause),
      .post("queue/resume", .resume, QueuePage.resume),
      .page("queue/purge", .purge, QueuePage.confirmPurge),
      .post("queue/purge", .purge, QueuePage.purge),
      .page("queue/job", .enqueue, NewJobPage.page),
      .post("queue/job", .enqueue, NewJobPage.enqueue),
      .page("messages", .see, MessagesPage.page),
      .get("message", .see) { try await SweepPage.answer($0, OneMessagePage.page) },
      .post("message/reveal", .reveal, OneMessagePage.reveal),
      .post("message/run", .run, OneMessagePage.run),
      .page("message/delete", .delete, OneMessagePage.confirmDelete),
      .post("message/delete", .delete, OneMessagePage.delete),
      sweep("dead-letters", .see, DeadLettersPage.page),
      sweep("dead-letters/all", .replay, BulkActions.confirmAll),
      .post("dead-letters/all", .replay, BulkActions.actOnAll),
      .post("dead-letters/selected", .replay, BulkActions.actOnSelected),
      .page("dead-letters/deleted", .see, DeletedPage.page),
      .post("dead-letters/restore", .delete, DeletedPage.restore),
      .page("dead-letter", .see, OneDeadLetterPage.page),
      .post("dead-letter/reveal", .reveal, OneDeadLetterPage.reveal),
      .post("dead-letter/replay", .replay, OneDeadLetterPage.replay),
      .post("dead-letter/edit", .edit, EditPage.edit),
      sweep("failures", .see, FailuresPage.page),
      .post("failure/mark", .mark, FailuresPage.mark),
      .page("workers", .see, WorkersPage.page),
      .post("worker/cancel", .cancel, WorkersPage.cancel),
      .page("schedules", .see, SchedulesPage.page),
      .post("schedule/pause", .pause, SchedulesPage.pause),
      .post("schedule/resume", .resume, SchedulesPage.resume),
      .post("schedule/run", .run, SchedulesPage.run),
      .page("outbox", .see, OutboxPage.page),
      .post("outbox/retry", .replay, OutboxPage.retry),
      .page("outbox/discard", .delete, OutboxPage.confirmDiscard),
      .post("outbox/discard", .delete, OutboxPage.discard),
      .page("topology", .see, TopologyPage.page),
      sweep("broker", .see, BrokerPage.page),
      .page("operations", .see, OperationsPage.page),
      .page("operation", .see, OneOperationPage.page),
      .post("operation/cancel", .replay, OneOperationPage.cancel),
      .post("operation/resume", .replay, OneOperationPage.resume),
      .page("audit", .see, AuditPage.page),
      .get("stream", .see) { .stream(LivePage(call: $0, render: try livePage($0))) },
    ]

  private static func sweep(
    _ path: String, _ action: Dashboard.Action, _ page: @escaping @Sendable (Call) async throws -> Page
  ) -> Route { .get(path, action) { try await SweepPage.answer($0) { .page(try await page($0)) } } }

  /// The page that a stream keeps up to date.
  static func livePage(_ call: Call) throws -> @Sendable (Call) async throws -> Page {
    let pages: [String: @Sendable (Call) async throws -> Page] = [
      "": OverviewPage.page, "queues": QueuesPage.page, "queue": QueuePage.page, "workers": WorkersPage.page,
      "operations": OperationsPage.page, "operation": OneOperationPage.page,
      "schedules": SchedulesPage.page, "outbox": OutboxPage.page,
    ]
    guard let page = pages[call.fields["page"] ?? ""] else {
      throw Refusal(.notFound, "there is no live page of this name")
    }
    return page
  }
}
