import Foundation
import Logging
import Synchronization
import Testing
import Warren
import WarrenSQLite

private struct SendMail: JobMessage {
  static let name: MessageName = "email.send"
  static let queue: Queue = "mail"
  var to: String
}
private struct Down: Error {}

/// `warren breaker`, beside a worker whose dependency is down.
@Suite struct BreakerTests {
  @Test func aBreakerThatIsOpenIsShownFoundAndReset() async throws {
    let seeded = try await SeededBroker()
    let isDown = Mutex(true)
    let handled = Watched(0)
    try await seeded.open { broker in
      let rule = BreakerRule(failures: 1, of: 2, pause: .seconds(3600), longestPause: .seconds(3600))
      let store = WatchedStore(base: broker)
      var options = Worker.Options()
      options.store = store
      let worker = try Worker(
        broker, name: "mails", options: options, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
      ) {
        On(SendMail.self) { _, _ in
          if isDown.withLock({ $0 }) { throw Down() }
          handled.withValue { $0 += 1 }
        }.concurrency(1).breaker("mail-server", rule)
      }
      let work = Task { try await worker.run() }
      defer { work.cancel() }
      let bus = EventBus(broker, source: "test", topology: worker.topology)
      _ = try await bus.enqueue((1...3).map { JobRequest(SendMail(to: "\($0)")) })
      await store.keys.wait { $0.contains { $0.kind == .breaker } }

      let list = try await seeded.run("breaker", "ls")
      #expect(list.rows.first?.prefix(2) == ["mail-server", "mails"], "\(list.output)\(list.errors)")
      let json: [[String: Any]] = try await seeded.run("breaker", "ls", "--json").json()
      #expect(json.first?["queues"] as? [String] == ["mail"])
      let doctor = try await seeded.run("doctor")
      #expect(doctor.status == 1 && doctor.output.contains("the breaker 'mail-server' of the worker 'mails'"))
      #expect(doctor.output.contains("`warren breaker reset mail-server`"), "\(doctor.output)")
      #expect(try await seeded.run("status").output.contains("'mail-server'"))

      isDown.withLock { $0 = false }
      let reset = try await seeded.run("breaker", "reset", "mail-server")
      #expect(reset.output == "asked 1 worker to close 'mail-server'\n", "\(reset.errors)")
      await store.keys.wait { !$0.contains { $0.kind == .breaker } }
      await handled.wait { $0 > 0 }
    }
    let audit = try await seeded.run("audit", "ls", "--columns", "action,stage,filter")
    #expect(audit.rows.contains(["breaker.reset", "begins", "mail-server"]), "\(audit.output)")
    #expect(try await seeded.run("breaker", "ls").output.isEmpty)
    let none = try await seeded.run("breaker", "reset", "mail-server")
    #expect(none.status == 4 && none.errors.contains("`warren breaker ls`"), "\(none.errors)")
  }
}
