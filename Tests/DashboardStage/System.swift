import Foundation
import Logging
import Warren

struct BookingCreated: EventMessage {
  static let name: MessageName = "booking.created"
  var bookingID: Int64
  var seats: [String]
}

struct SendEmail: JobMessage {
  static let name: MessageName = "email.send"
  static let queue: Queue = "email"
  static let retry: RetryPolicy = .exponential(from: .milliseconds(20), retries: 2)
  var to: String
  var template: String
  var customer: Int64
  var password: String?
  var seats: [String]
}

struct MakeInvoice: JobMessage {
  static let name: MessageName = "invoice.make"
  static let queue: Queue = "invoices"
  static let retry: RetryPolicy = .exponential(from: .milliseconds(20), retries: 3)
  var bookingID: Int64
}

struct DrawThumbnail: JobMessage {
  static let name: MessageName = "thumbnail.draw"
  static let queue: Queue = "thumbnails"
  var image: String
}

struct MakeReport: JobMessage {
  static let name: MessageName = "report.make"
  static let queue: Queue = "reports"
  var month: String
}

struct SendReminder: JobMessage {
  static let name: MessageName = "reminder.send"
  static let queue: Queue = "reminders"
  var bookingID: Int64
}

struct MailError: Error, CustomStringConvertible { var description: String }
struct PaymentTimeout: Error, CustomStringConvertible { var description: String }
struct NoSuchBooking: Error, CustomStringConvertible { var description: String }

enum System {
  static func workers(on broker: some Broker, _ logger: Logger) throws -> [Worker] {
    let mails = try Worker(broker, name: "mails", logger: logger) {
      On(SendEmail.self) { job, _ in
        if job.to.hasSuffix("broken.example") {
          throw MailError(
            description: "554 5.7.1 <\(job.to)>: Relay access denied by mx\(job.customer % 3).mail.example")
        }
        if job.template == "slow" { try await Task.sleep(for: .seconds(600)) }
      }.concurrency(4)
      On(SendReminder.self) { _, _ in }
    }
    let billing = try Worker(broker, name: "billing", logger: logger) {
      On(MakeInvoice.self) { job, _ in
        if job.bookingID % 7 == 0 { throw NoSuchBooking(description: "there is no booking \(job.bookingID)") }
        throw PaymentTimeout(description: "no answer from the payment provider within 5.0 s (request \(job.bookingID))")
      }
      Subscription("seat-map", on: "bookings", to: "booking.*") { On(BookingCreated.self) { _, _ in } }
    }
    return [mails, billing]
  }

  static func scheduler(on broker: some Broker, _ store: any StateStore, _ logger: Logger) throws -> Scheduler {
    let bus = EventBus(broker, exchange: .topic("bookings"), source: "booking-api")
    return try Scheduler(bus, name: "bookings", store: store, logger: logger) {
      Schedule("monthly-report", .cron("0 6 1 * *", in: "Europe/Berlin")) { MakeReport(month: "2026-11") }
      Schedule("reminders", .cron("*/15 8-18 * * 1-5", in: "Europe/Berlin")) { SendReminder(bookingID: 1) }
      Schedule("thumbnails", .every(.seconds(3_600)), missed: .skip) { DrawThumbnail(image: "front.png") }
    }
  }

  static func topology(_ workers: [Worker]) throws -> Topology {
    var topology = try Topology(
      exchanges: ["bookings"], queues: ["thumbnails", "reports", "search-index"],
      bindings: [Binding("search-index", to: "bookings", key: "booking.#")])
    for worker in workers { topology = try topology.merging(worker.topology) }
    return topology
  }

  static func seed(_ broker: some Broker, _ topology: Topology, failing: Int) async throws {
    try await broker.apply(topology)
    let bus = EventBus(broker, exchange: .topic("bookings"), source: "booking-api")
    if let operable = broker as? any OperableBroker { try await operable.pause("reports") }
    for number in 1...60 { _ = try await bus.publish(BookingCreated(bookingID: Int64(number), seats: ["A\(number)"])) }
    for month in ["2026-09", "2026-10", "2026-11"] { _ = try await bus.enqueue(MakeReport(month: month)) }
    for number in 1...8 { _ = try await bus.enqueue(DrawThumbnail(image: "poster-\(number).png")) }
    for number in 1...14 { _ = try await bus.enqueue(SendReminder(bookingID: Int64(number)), after: .seconds(3_600)) }
    for number in 1...max(1, failing) {
      let isInvoice = number % 3 == 0
      if isInvoice {
        _ = try await bus.enqueue(MakeInvoice(bookingID: Int64(number)))
      } else {
        _ = try await bus.enqueue(
          SendEmail(
            to: "ann\(number)@\(number % 2 == 0 ? "broken" : "fine").example", template: "confirmation",
            customer: 9_007_199_254_740_993 + Int64(number), password: "hunter2", seats: ["A1", "A2"]))
      }
    }
    for number in 1...2 {
      _ = try await bus.enqueue(
        SendEmail(to: "bob\(number)@fine.example", template: "slow", customer: 1, password: nil, seats: []))
    }
  }
}
