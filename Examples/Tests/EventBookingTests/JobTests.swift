import Accounts
import EventBookingModel
import EventBookingModules
import EventBookingWorkers
import Foundation
import Logging
import Mail
import Testing
import Warren
import WarrenTesting

@testable import EventBookingAppModules
@testable import ExampleSupport

@Suite struct JobTests {
  @Test("the jobs have the names and fields of the requirements, and share a queue")
  func contract() throws {
    func fields(_ job: some JobMessage) throws -> Set<String> {
      let body = try MessageComposer(source: "test").publication(of: JobRequest(job)).message.body
      return Set(try #require(JSONSerialization.jsonObject(with: body) as? [String: Any]).keys)
    }
    #expect(
      try fields(BookingConfirmation(bookingId: "b", customerEmail: "a@b.c", eventTitle: "t"))
        == ["bookingId", "customerEmail", "eventTitle"])
    #expect(try fields(EventUpdate(eventId: "e", eventTitle: "t")) == ["eventId", "eventTitle"])
    #expect(
      try fields(SendIndividualEmail(email: "a@b.c", eventTitle: "t", type: "eventUpdate"))
        == ["email", "eventTitle", "type"])
    #expect(BookingConfirmation.name == "bookingConfirmation" && EventUpdate.name == "eventUpdate")
    #expect(SendIndividualEmail.name == "sendIndividualEmail")
    #expect(try Modules.topology().queues.map(\.name).sorted() == ["emailQueue", "emailQueue.dlq"])
  }

  @Test("a change reaches each address once, though the fan-out is done twice and one address is refused")
  func fanOut() async throws {
    let mailer = RecordingMailer(refused: "c7@example.org")
    let stage = try Stage(mailer: mailer)
    defer { stage.remove() }
    try stage.addCustomers(1_203)
    let update = JobInfo(id: "update-1", date: .now)
    let job = EventUpdate(eventId: Stage.event, eventTitle: "Opera & <more>")
    let worker = try EmailWorker(NotificationAppModule(stage.modules)).worker(
      on: stage.broker, logger: .init(label: ""))
    try await stage.broker.working(worker) {
      let notifications = NotificationAppModule(stage.modules)
      #expect(try await notifications.fanOut(job, update) == 1_203)
      try await stage.broker.runUntilIdle()
      // As after a crash that lost what was noted.
      try stage.forgetProgress()
      #expect(try await notifications.fanOut(job, update) == 1_203)
      try await stage.broker.runUntilIdle()
    }
    let sent = mailer.mails
    #expect(sent.count == 1_202 && Set(sent.map(\.id)).count == 1_202)
    #expect(Set(sent.map(\.to.address)).count == 1_202)
    #expect(sent.allSatisfy { $0.subject == "Opera & <more> has changed" && $0.html?.contains("&lt;more&gt;") == true })
    let letters = try await stage.broker.deadLetters(DeadLetterSelection()).letters
    #expect(letters.map(\.message.id) == ["update-1-c0007"])
  }

  @Test("a mail that was sent is not sent by a copy of its job")
  func once() async throws {
    let mailer = RecordingMailer()
    let stage = try Stage(mailer: mailer)
    defer { stage.remove() }
    let notifications = NotificationAppModule(stage.modules)
    let job = SendIndividualEmail(email: "ada@example.org", eventTitle: "Opera", type: "eventUpdate")
    let info = JobInfo(id: "update-1-ada", date: .now)
    #expect(try await notifications.tell(job, info))
    #expect(try await notifications.tell(job, info) == false)
    #expect(mailer.mails.count == 1)
    await #expect(throws: MailError.self) {
      try await notifications.tell(SendIndividualEmail(email: "a@b.c", eventTitle: "", type: "?"), info)
    }
  }

  @Test("an administrator needs an address and a long password, or neither")
  func administrator() throws {
    #expect(try Administrator(environment: [:]) == nil)
    #expect(try Administrator(environment: ["ADMIN_EMAIL": "a@b.c", "ADMIN_PASSWORD": "long enough"]) != nil)
    for environment in [["ADMIN_EMAIL": "a@b.c"], ["ADMIN_PASSWORD": "long enough"], ["ADMIN_EMAIL": "a"]] {
      #expect(throws: StartError.self) { try Administrator(environment: environment) }
    }
  }
}
