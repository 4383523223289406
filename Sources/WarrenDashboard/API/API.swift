internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// The same as JSON, below `api/v1`: for scripts, and for what people build themselves. Reading takes the same fields in the
/// address as the pages do.
enum API {
  private struct Letters: Encodable {
    var deadLetters: [DeadLetterView]
    /// What `after` must be for the next page; missing on the last.
    var next: Int64?
  }

  static func json(_ value: some Encodable, _ status: HTTPResponse.Status = .ok) throws -> Answer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(Show.iso(date))
    }
    return .json(try encoder.encode(value), status)
  }

  @Sendable static func overview(_ call: Call) async throws -> Answer {
    try json(try await call.overview())
  }

  @Sendable static func queues(_ call: Call) async throws -> Answer {
    try json(try await call.operations.queues().filter { call.may(.see, $0.name) })
  }

  /// One queue, and why what waits in it is not running.
  @Sendable static func queue(_ call: Call) async throws -> Answer {
    struct Explained: Encodable {
      var queue: QueueStatus
      var hindrances: [Hindrance]
    }
    let name = try Wanted.queue(call.fields)
    try call.require(.see, name)
    let queue = try await call.operations.queue(name)
    let workers = try? await call.overview().workers
    return try json(
      Explained(queue: queue, hindrances: Hindrance.all(of: queue, workers: workers, now: call.desk.now)))
  }

  @Sendable static func deadLetters(_ call: Call) async throws -> Answer {
    let filter = DeadLetterFilter(call.fields)
    try call.require(.see, filter.queue)
    let limit = try call.fields["limit"].map { text throws(Refusal) -> Int in
      guard let limit = Int(text), (1...500).contains(limit) else {
        throw Refusal(.badRequest, "limit must be a number from 1 to 500")
      }
      return limit
    }
    var selection = try filter.selection(call, limit: limit ?? DeadLettersPage.pageSize)
    selection.includesBodies = false
    selection.after = call.fields["after"].flatMap { Int64($0) }.map { DeadLetterPage.Cursor(position: $0) }
    let (letters, next) = try await call.operations.deadLetterPage(selection)
    return try json(
      Letters(deadLetters: letters.filter { call.may(.see, $0.queue) }.map { shown($0, call) }, next: next?.position))
  }

  /// The dead letters with an id: more than one when several queues gave up on the message.
  @Sendable static func deadLetter(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.fields)
    let letters = try await call.operations.deadLetters(id, in: queue).filter { call.may(.see, $0.queue) }
    return try json(letters.map { shown($0, call) })
  }

  /// How many match, and up to when: what `dead-letters/all` takes.
  @Sendable static func count(_ call: Call) async throws -> Answer {
    struct Counted: Encodable {
      var count: Int
      var until: Int64?
    }
    let filter = DeadLetterFilter(call.fields)
    try await call.requireEverywhere(.see, filter.queue)
    let survey = try await call.operations.survey(try filter.selection(call, limit: .max))
    return try json(Counted(count: survey.count, until: survey.newest?.wholeMilliseconds))
  }

  /// Those that can be put back.
  @Sendable static func deleted(_ call: Call) async throws -> Answer {
    try json(
      try await call.operations.deletedDeadLetters(limit: DeletedPage.limit).filter { call.may(.see, $0.queue) })
  }

  private static func shown(_ letter: DeadLetterView, _ call: Call) -> DeadLetterView {
    var letter = letter
    if !call.may(.seeMessages, letter.queue) {
      letter.body = nil
      letter.headers = [:]
    }
    return letter
  }

  @Sendable static func groups(_ call: Call) async throws -> Answer {
    let filter = DeadLetterFilter(call.fields)
    try call.require(.see, filter.queue)
    var groups = try await call.operations.groups(try filter.selection(call, limit: .max))
    groups.groups.removeAll { !call.may(.see, $0.origin) }
    return try json(groups)
  }

  /// What a queue, or all of them together, did in the last day.
  @Sendable static func history(_ call: Call) async throws -> Answer {
    struct Point: Encodable {
      var time: Date
      var published, completed, failed: Double?
      var depth: Int?
      var oldestSeconds: Double?

      private enum Keys: String, CodingKey { case time, published, completed, failed, depth, oldestSeconds }

      /// What is not known is `null`.
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(time, forKey: .time)
        try container.encode(published, forKey: .published)
        try container.encode(completed, forKey: .completed)
        try container.encode(failed, forKey: .failed)
        try container.encode(depth, forKey: .depth)
        try container.encode(oldestSeconds, forKey: .oldestSeconds)
      }
    }
    struct History: Encodable {
      var intervalSeconds: Double
      var samples: [Point]
    }
    let queue = call.fields["name"].map { QueueName($0) }
    if let queue {
      try call.require(.see, queue)
      _ = try await call.operations.queue(queue)
    } else {
      try await call.requireEverywhere(.see, nil)
    }
    let ring: SampleRing = queue == nil ? .all : .queue
    let samples = try await call.operations.samples(of: queue)
    return try json(
      History(
        intervalSeconds: ring.interval / .seconds(1),
        samples: samples.map {
          Point(
            time: $0.time, published: $0.published, completed: $0.completed, failed: $0.failed, depth: $0.depth,
            oldestSeconds: $0.oldest)
        }))
  }

  @Sendable static func workers(_ call: Call) async throws -> Answer { try json(try await call.workers()) }
  @Sendable static func topology(_ call: Call) async throws -> Answer { try json(try await call.topology()) }
  /// Messages of a queue, by the same fields as the page.
  @Sendable static func messages(_ call: Call) async throws -> Answer {
    struct Messages: Encodable {
      var messages: [QueuedMessageView]
      var hasMore: Bool
      /// At how many was looked, when that was not all.
      var looked: Int?
    }
    let (messages, hasMore, looked) = try await call.operations.messages(try MessagesPage.selection(call))
    return try json(Messages(messages: messages.map { shown($0, call) }, hasMore: hasMore, looked: looked))
  }

  /// The messages with an id, with why they are not running: more than one when an event went to several queues.
  @Sendable static func message(_ call: Call) async throws -> Answer {
    let (id, queue) = try Wanted.letter(call.fields)
    let messages = try await call.operations.messages(id, in: queue).filter { call.may(.see, $0.queue) }
    return try json(try await call.operations.explained(messages.map { shown($0, call) }))
  }

  private static func shown(_ message: QueuedMessageView, _ call: Call) -> QueuedMessageView {
    var message = message
    if !call.may(.seeMessages, message.queue) {
      message.body = nil
      message.headers = [:]
    }
    return message
  }

  @Sendable static func schedules(_ call: Call) async throws -> Answer { try json(try await SchedulesPage.seen(call)) }

  @Sendable static func outbox(_ call: Call) async throws -> Answer {
    struct Shown: Encodable {
      var waiting: Int
      var failing: Int
      var lagSeconds: Double
      var isRelayed: Bool
      var findings: [Finding]
      var messages: [FailingPublication]
    }
    let operations = call.operations
    let status = try await operations.outboxStatus()
    return try json(
      Shown(
        waiting: status.waiting, failing: status.failing, lagSeconds: status.lag / .seconds(1),
        isRelayed: status.isRelayed, findings: try await operations.outboxFindings(),
        messages: try await operations.failingPublications(limit: OutboxPage.limit)))
  }

  /// What can be asked here, as OpenAPI has it.
  static let description = Data(PackageResources.openapi_json)

  @Sendable static func broker(_ call: Call) async throws -> Answer { try json(try await call.operations.describe()) }

  @Sendable static func operations(_ call: Call) async throws -> Answer {
    try json(try await OperationsPage.seen(call))
  }

  @Sendable static func operation(_ call: Call) async throws -> Answer {
    try json(try await OneOperationPage.wanted(call.fields, call))
  }

  @Sendable static func audit(_ call: Call) async throws -> Answer {
    try json(try await call.audit(limit: AuditPage.limit))
  }

  /// The fields of an object: texts and numbers as they are written, lists as fields of one name.
  static func form(_ text: String) throws(Refusal) -> FormFields {
    let document: JSONText
    do { document = try JSONText(parsing: text) } catch { throw Refusal(.badRequest, "the body is not JSON: \(error)") }
    guard case .object(let members) = document else { throw Refusal(.badRequest, "the body must be an object") }
    var fields: [Link.Field] = []
    for member in members {
      switch member.value {
      case .string(let text), .literal(let text): fields.append(.init(name: member.name, value: text))
      case .array(let elements):
        for case .string(let text) in elements { fields.append(.init(name: member.name, value: text)) }
      case .object: throw Refusal(.badRequest, "'\(member.name.prefix(40))' must be text, a number or a list of texts")
      }
    }
    return FormFields(fields)
  }

  /// An error as JSON.
  static func answer(_ refusal: Refusal) -> Answer {
    struct Problem: Encodable {
      var error: String
    }
    return (try? json(Problem(error: refusal.text), refusal.status)) ?? .json(Data("{}".utf8), refusal.status)
  }

  /// What a page's answer is to a program. An action that would ask a person first did nothing.
  static func answer(_ answer: Answer) -> Answer {
    switch answer {
    case .see(let link): done(link)
    case .page:
      self.answer(
        Refusal(.badRequest, "nothing was done: the body needs \"sure\": \"yes\", or \"step\": \"publish\" to edit"))
    default: answer
    }
  }

  /// What an action did, from the address that a page would show next.
  static func done(_ link: Link) -> Answer {
    struct Done: Encodable {
      var done: String
      var count: Int
      var stayed: Int
      var missing: Int
      /// What goes on in the background.
      var operation: String?
      /// The job that was asked for.
      var job: String?
    }
    let fields = FormFields(link.fields)
    guard let notice = Notice(fields) else { return .see(link) }
    let done = Done(
      done: notice.word.rawValue, count: notice.count, stayed: notice.stayed, missing: notice.missing,
      operation: link.path == "operation" ? fields["id"] : nil, job: fields["job"])
    return (try? json(done)) ?? .see(link)
  }
}
