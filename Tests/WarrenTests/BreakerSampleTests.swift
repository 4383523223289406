import Logging
import Synchronization
import Testing
import Warren
import WarrenTesting

private struct SendMail: JobMessage {
  static let name: MessageName = "mail.send"
  static let queue: Queue = "mails"
  var to: String
}

private final class FakeMailServer: Sendable {
  private struct IsDown: Error {}
  private let state: Mutex<(isDown: Bool, mails: Int)>
  init(isDown: Bool) { state = Mutex((isDown, 0)) }
  var mails: Int { state.withLock { $0.mails } }
  func comeBack() { state.withLock { $0.isDown = false } }
  func send() throws {
    try state.withLock { state in
      if state.isDown { throw IsDown() }
      state.mails += 1
    }
  }
}

/// The test that the article on circuit breakers shows.
@Suite struct BreakerSampleTests {
  private func worker(on broker: TestBroker, _ server: FakeMailServer) throws -> Worker {
    try Worker(broker, name: "notifications", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }) {
      On(SendMail.self) { _, _ in try server.send() }.breaker("mail-server")
    }
  }

  @Test func mailsWaitForTheServer() async throws {
    let broker = try TestBroker()
    let server = FakeMailServer(isDown: true)
    try await broker.working(worker(on: broker, server)) {
      let bus = EventBus(broker, source: "test")
      _ = try await bus.enqueue((1...20).map { JobRequest(SendMail(to: "\($0)@example.org")) })
      try await broker.wait(for: "the breaker opens") { try await Breakers(broker).all().count == 1 }
      server.comeBack()
      try await broker.runUntilIdle()
      #expect(server.mails == 20)
    }
  }
}
