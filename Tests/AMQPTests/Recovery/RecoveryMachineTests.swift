import NIOCore
import Testing

@testable import AMQP

@Suite("Recovery machine")
struct RecoveryMachineTests {
  private let start = NIODeadline.uptimeNanoseconds(0)
  private static let codes: [AMQPError.Code] = [
    .authenticationFailed, .virtualHostRefused, .versionMismatch, .invalidConfiguration, .tlsFailed, .connectFailed,
    .connectionLost, .handshakeFailed, .connectionClosedByServer, .protocolViolation,
  ]

  private func error(_ code: AMQPError.Code) -> AMQPError { AMQPError(code, "for a test") }

  private func isRetry(_ decision: RecoveryMachine.Decision) -> Bool { decision != .giveUp }

  @Test("Once it was open nothing ends it", arguments: codes)
  func onceOpen(_ code: AMQPError.Code) {
    var generator = Seeded(state: 1)
    var machine = RecoveryMachine(AMQPRecoveryPolicy())
    #expect(machine.opened(start) == nil)
    for step in 1...50 as ClosedRange<Int64> {
      let decision = machine.ended(error(code), start + .seconds(step), using: &generator)
      #expect(isRetry(decision))
      if case .retryRefused(let pause) = decision {
        #expect(error(code).isRefusal)
        #expect(pause >= .seconds(15) && pause <= .seconds(30))
      }
    }
    #expect(machine.opened(start + .seconds(51)) == .seconds(50))
  }

  @Test("A setting makes refusals final, and only those", arguments: codes)
  func givesUp(_ code: AMQPError.Code) {
    var generator = Seeded(state: 1)
    var machine = RecoveryMachine(AMQPRecoveryPolicy(givesUpOnRefusal: true))
    _ = machine.opened(start)
    #expect(isRetry(machine.ended(error(code), start, using: &generator)) == !error(code).needsCorrection)
  }

  @Test("The first connection fails at once, or is tried again for what passes", arguments: codes)
  func first(_ code: AMQPError.Code) {
    var generator = Seeded(state: 1)
    var strict = RecoveryMachine(AMQPRecoveryPolicy())
    #expect(strict.ended(error(code), start, using: &generator) == .giveUp)
    var patient = RecoveryMachine(AMQPRecoveryPolicy(retriesFirstConnect: true))
    #expect(isRetry(patient.ended(error(code), start, using: &generator)) == !error(code).needsCorrection)
  }

  @Test("Without recovery the first loss is the last, and attempts can be counted")
  func ends() {
    var generator = Seeded(state: 1)
    var none = RecoveryMachine(.none)
    _ = none.opened(start)
    #expect(none.ended(error(.connectionLost), start, using: &generator) == .giveUp)
    var three = RecoveryMachine(AMQPRecoveryPolicy(maxAttempts: 3))
    _ = three.opened(start)
    for code in [AMQPError.Code.connectionLost, .authenticationFailed, .connectFailed] {
      #expect(isRetry(three.ended(error(code), start, using: &generator)))
    }
    #expect(three.ended(error(.connectFailed), start, using: &generator) == .giveUp)
    // A stable connection starts the count again.
    _ = three.opened(start)
    #expect(isRetry(three.ended(error(.connectionLost), start + .seconds(10), using: &generator)))
  }

  @Test("A limit of connections is told from a virtual host that is not allowed")
  func limits() {
    for text in [
      "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached",
      "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit cannot be queried, timeout",
      "NOT_ALLOWED - connection refused for user 'guest': user connection limit (1) is reached",
      "NOT_ALLOWED - connection refused: node connection limit (1) is reached",
    ] {
      let error = ConnectionMachine.error(for: CloseReason(replyCode: 530, replyText: text), in: .awaitingOpenOk)
      #expect(error.isRetryable && !error.needsCorrection)
    }
    for text in ["NOT_ALLOWED - vhost nowhere not found", "NOT_ALLOWED - access to vhost 'v' refused for user 'guest'"]
    {
      let error = ConnectionMachine.error(for: CloseReason(replyCode: 530, replyText: text), in: .awaitingOpenOk)
      #expect(error.code == .virtualHostRefused)
    }
  }
}
