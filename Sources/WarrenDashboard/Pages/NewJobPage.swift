internal import Foundation
internal import HTTPTypes
internal import Warren
internal import WarrenOperations

/// Enqueues a job that a person has written.
enum NewJobPage {
  @Sendable static func page(_ call: Call) async throws -> Page {
    let queue = try await call.operations.queue(try Wanted.queue(call.fields))
    try call.require(.enqueue, queue.name)
    return form(queue.name, Written(call.fields), nil, call)
  }

  @Sendable static func enqueue(_ call: Call) async throws -> Answer {
    let queue = try Wanted.queue(call.form)
    try call.require(.enqueue, queue)
    let written = Written(call.form)
    let composition: Composition
    do throws(Refusal) { composition = try written.composition(now: call.desk.now) } catch {
      return .page(form(queue, written, error, call))
    }
    let view = try await call.act(.enqueue, queue) {
      try await call.operations.enqueue(composition, to: queue, source: "dashboard")
    }
    return .see(
      Notice(view.result == .stored ? .enqueued : .repeated).on(call.link("queue").with("name", queue.rawValue)))
  }

  /// What a person has written.
  private struct Written {
    let name: String
    let data: String
    let after: String
    let id: String
    let unique: String

    init(_ fields: FormFields) {
      name = fields["job"] ?? ""
      data = (fields["data"] ?? "{}").replacing("\r\n", with: "\n")
      after = fields["after"] ?? ""
      id = fields["id"] ?? ""
      unique = fields["unique"] ?? ""
    }

    func composition(now: Date) throws(Refusal) -> Composition {
      if name.isEmpty { throw Refusal(.badRequest, "the job has no name: it says which handler takes it") }
      var composition = Composition(MessageName(name))
      do { composition.data = try JSONText(parsing: data) } catch {
        throw Refusal(.badRequest, "the content is not JSON: \(error)")
      }
      if !after.isEmpty {
        guard let delay = Duration(short: after) else {
          throw Refusal(.badRequest, "'\(after)' is no duration: write 30s, 5m, 1h30m, or nothing for at once")
        }
        composition.notBefore = now.adding(delay)
      }
      composition.id = id.isEmpty ? nil : MessageID(id)
      composition.unique = unique.isEmpty ? nil : .key(unique)
      return composition
    }
  }

  private static func form(_ queue: QueueName, _ written: Written, _ complaint: Refusal?, _ call: Call) -> Page {
    let link = call.link("queue").with("name", queue.rawValue)
    return Page(
      title: "New job", section: .queues, status: complaint?.status ?? .ok,
      trail: [.init(title: "Queues", link: call.link("queues")), .init(title: queue.rawValue, link: link)],
      regions: [
        .init(
          id: "job",
          content: Parts.card(nil) {
            if let complaint { Tags.p(.class("notice bad"), .role("alert")) { "■ \(complaint.text)" } }
            Tags.p { "It goes to \(queue) in Warren's envelope, as a program enqueues it." }
            Parts.form(call, to: "queue/job", class: "region", [("name", queue.rawValue)]) {
              Fields.text("job", "Name of the job", written.name, hint: "email.send")
              Fields.area("data", "Content, as JSON", written.data, rows: 8)
              Fields.text("after", "Not before this much time has passed", written.after, hint: "5m")
              Fields.text("id", "An id of your own", written.id)
              Fields.text("unique", "A key that keeps repeats out", written.unique)
              Tags.div(.class("actions")) {
                Parts.button("Enqueue 1 job", "primary")
                Tags.a(.class("button"), .href(link)) { "Enqueue nothing" }
              }
            }
          })
      ])
  }
}
