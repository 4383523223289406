import Accounts
import EventBookingModules
import Foundation
import GRDB
import Mail
import Synchronization
import Warren
import WarrenTesting

/// The modules on a file and a broker of their own, with an event whose customers a test adds.
struct Stage {
  static let event = "opera"
  let broker: TestBroker
  let modules: Modules
  let tokens: Tokens
  private let folder: URL
  private let database: DatabaseQueue

  init(mailer: any Mailer = RecordingMailer()) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "warren-events-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    broker = try TestBroker()
    tokens = Tokens(try Secrets(file: folder.appending(path: "secrets.json")), issuer: "event-booking")
    modules = try Modules(
      data: folder, broker: broker, tokens: tokens, administrator: nil, mailer: mailer,
      sender: MailAddress("tickets@events.example"))
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    database = try DatabaseQueue(
      path: folder.appending(path: "event-booking.db").path, configuration: configuration)
    try database.write { db in
      try db.execute(
        sql: """
          INSERT INTO users VALUES ('olga', 'Olga', 'olga@example.org', '', 'organizer', '2026-01-01');
          INSERT INTO events VALUES ('opera', 'olga', 'Opera', '', '2035-06-01', 'Hall', 100000, 0, '2026-01-01', '2026-01-01', NULL);
          """)
    }
  }

  /// Customers `c0000`, `c0001` and so on, with two bookings each.
  func addCustomers(_ count: Int) throws {
    try database.write { db in
      for number in 0..<count {
        let id = "c" + String(repeating: "0", count: 4 - "\(number)".count) + "\(number)"
        try db.execute(
          sql: """
            INSERT INTO users VALUES (:id, :id, :email, '', 'customer', '2026-01-01');
            INSERT INTO bookings VALUES (:id || '-1', 'opera', :id, 1, 'booked', '2026-01-01');
            INSERT INTO bookings VALUES (:id || '-2', 'opera', :id, 2, 'booked', '2026-01-01');
            """, arguments: ["id": id, "email": "c\(number)@example.org"])
      }
    }
  }

  func forgetProgress() throws { try database.write { try $0.execute(sql: "DELETE FROM updates") } }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}

/// Keeps mails, and refuses one address.
final class RecordingMailer: Mailer {
  private let kept = Mutex<[Mail]>([])
  private let refused: String?

  init(refused: String? = nil) { self.refused = refused }

  var mails: [Mail] { kept.withLock { $0 } }

  func send(_ mail: Mail) async throws(MailError) {
    if mail.to.address == refused { throw MailError(.permanent, "550 no such user", replyCode: 550) }
    kept.withLock { $0.append(mail) }
  }
}
