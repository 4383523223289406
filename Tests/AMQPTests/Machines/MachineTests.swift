import NIOCore
import Testing

@testable import AMQP

@Suite("State machines")
struct MachineTests {
  private func machine(_ credentials: AMQPCredentials = .guest) -> ConnectionMachine {
    ConnectionMachine(
      .init(
        mechanism: credentials.mechanism, virtualHost: "/v", clientProperties: [:],
        tune: TuneValues(channelMax: 100, frameMax: 131_072, heartbeat: 10)))
  }

  private let offer = TuneValues(channelMax: 2047, frameMax: 65_536, heartbeat: 60)

  private func opened() throws -> ConnectionMachine {
    var machine = machine()
    _ = try machine.receive(FakeBroker.start)
    _ = try machine.receive(.connectionTune(offer))
    _ = try machine.receive(.connectionOpenOk)
    return machine
  }

  @Test("The handshake goes step by step, and open means open-ok")
  func handshake() throws {
    var machine = machine()
    guard
      case .send(.connectionStartOk(_, "PLAIN", let response, "en_US")) = try machine.receive(FakeBroker.start).first
    else { return #expect(Bool(false)) }
    #expect(String(buffer: response) == "\0guest\0guest")
    let agreed = TuneValues(channelMax: 100, frameMax: 65_536, heartbeat: 10)
    #expect(
      try machine.receive(.connectionTune(offer)) == [
        .send(.connectionTuneOk(agreed)), .send(.connectionOpen(virtualHost: "/v")),
      ])
    #expect(machine.state != .open)
    #expect(try machine.receive(.connectionOpenOk) == [.opened(agreed)])
  }

  @Test(
    "Tuning takes the smaller, and zero as no wish",
    arguments: [
      ((0, 0, 0), (0, 131_072, 0), (0, 131_072, 0)), ((2047, 131_072, 60), (0, 131_072, 10), (2047, 131_072, 10)),
      ((100, 4096, 0), (2047, 131_072, 10), (100, 4096, 10)), ((0, 0, 30), (5, 8192, 0), (5, 8192, 30)),
    ] as [((UInt16, UInt32, UInt16), (UInt16, UInt32, UInt16), (UInt16, UInt32, UInt16))])
  func tune(
    _ server: (UInt16, UInt32, UInt16), _ client: (UInt16, UInt32, UInt16), _ agreed: (UInt16, UInt32, UInt16)
  ) {
    func values(_ tuple: (UInt16, UInt32, UInt16)) -> TuneValues {
      TuneValues(channelMax: tuple.0, frameMax: tuple.1, heartbeat: tuple.2)
    }
    #expect(ConnectionMachine.negotiate(values(server), values(client)) == values(agreed))
  }

  @Test("A broker that allows frames smaller than AMQP's least is refused", arguments: [1, 9, 4095])
  func tinyFrames(_ size: UInt32) throws {
    var machine = machine()
    _ = try machine.receive(FakeBroker.start)
    #expect(
      try machine.receive(.connectionTune(TuneValues(channelMax: 0, frameMax: size, heartbeat: 0))) == [.closeSocket])
    #expect(machine.failure?.code == .protocolViolation)
  }

  @Test("Refusals have names, and those that no repetition helps are not retryable")
  func refusals() throws {
    var password = machine()
    _ = try password.receive(FakeBroker.start)
    _ = try password.receive(.connectionClose(CloseReason(replyCode: 403, replyText: "ACCESS_REFUSED")))
    #expect(password.failure?.code == .authenticationFailed)
    #expect(password.failure?.isRetryable == false)
    var host = machine()
    _ = try host.receive(FakeBroker.start)
    _ = try host.receive(.connectionTune(offer))
    _ = try host.receive(.connectionClose(CloseReason(replyCode: 530, replyText: "NOT_ALLOWED")))
    #expect(host.failure?.code == .virtualHostRefused)
    // `amqp://host/` names an empty one, which is seldom meant.
    let refusal = CloseReason(replyCode: 530, replyText: "NOT_ALLOWED - vhost  not found")
    let empty = ConnectionMachine.error(for: refusal, in: .awaitingOpenOk, virtualHost: "")
    #expect(empty.code == .virtualHostRefused && empty.message.contains("%2F"))
    var silent = machine()
    #expect(silent.socketClosed(nil).message.contains("amqps://"))
    var version = machine()
    _ = try version.receive(
      .connectionStart(versionMajor: 1, versionMinor: 0, properties: [:], mechanisms: "PLAIN", locales: ""))
    #expect(version.failure?.code == .versionMismatch)
    var mechanism = machine(.external)
    _ = try mechanism.receive(
      .connectionStart(versionMajor: 0, versionMinor: 9, properties: [:], mechanisms: "PLAIN", locales: ""))
    #expect(mechanism.failure?.code == .authenticationFailed)
    var hungUp = machine()
    _ = try hungUp.receive(FakeBroker.start)
    #expect(hungUp.socketClosed(nil).code == .authenticationFailed)
    var killed = machine()
    _ = try killed.receive(
      .connectionStart(
        versionMajor: 0, versionMinor: 9, properties: ["capabilities": ["authentication_failure_close": true]],
        mechanisms: "PLAIN", locales: "en_US"))
    let loss = killed.socketClosed(nil)
    #expect(loss.code == .handshakeFailed && loss.isRetryable)
  }

  @Test("Closing: both at once, twice, unasked and in the middle of the handshake")
  func closing() throws {
    var both = try opened()
    #expect(both.close().count == 1)
    #expect(both.close() == [])
    #expect(
      try both.receive(.connectionClose(CloseReason(replyCode: 320, replyText: "bye"))) == [
        .send(.connectionCloseOk), .closeSocket,
      ])
    #expect(both.socketClosed(nil).code == .connectionClosed)
    var server = try opened()
    _ = try server.receive(.connectionClose(CloseReason(replyCode: 320, replyText: "bye")))
    #expect(server.socketClosed(nil).code == .connectionClosedByServer)
    #expect(server.socketClosed(nil).isRetryable)
    var early = machine()
    #expect(early.close() == [.closeSocket])
    var lost = try opened()
    #expect(lost.socketClosed(nil).code == .connectionLost)
    var late = try opened()
    _ = late.close()
    #expect(try late.receive(.connectionBlocked(reason: "")) == [])
    #expect(try late.receive(.connectionCloseOk) == [.closeSocket])
  }

  @Test("Every method out of its turn is an error and no trap", arguments: Samples.methods)
  func outOfTurn(_ method: Method) throws {
    var fresh = machine()
    _ = try? fresh.receive(method)
    var open = try opened()
    _ = try? open.receive(method)
    var closed = try opened()
    _ = closed.close()
    _ = try closed.receive(.connectionCloseOk)
    #expect(try closed.receive(method) == [])
  }

  @Test("Heartbeats: sent when nothing else is, dead after two silent intervals, never while this side does not read")
  func heartbeat() {
    let start = NIODeadline.uptimeNanoseconds(0)
    var monitor = HeartbeatMonitor(interval: .seconds(10), now: start)
    #expect(monitor.check(start + .seconds(2), listening: true) == .nothing)
    #expect(monitor.check(start + .seconds(5), listening: true) == .send)
    monitor.sent(start + .seconds(8))
    #expect(monitor.check(start + .seconds(10), listening: true) == .nothing)
    monitor.received(start + .seconds(10))
    #expect(monitor.check(start + .seconds(30), listening: true) == .send)
    #expect(monitor.check(start + .seconds(31), listening: true) == .dead)
    #expect(monitor.check(start + .seconds(90), listening: false) == .send)
    #expect(monitor.check(start + .seconds(100), listening: true) == .send)
  }

  @Test("Pauses have full jitter under a bound that doubles, and start over after a stable connection")
  func backoff() {
    var generator = Seeded(state: 3)
    var backoff = Backoff(AMQPRecoveryPolicy(maxAttempts: 12))
    var bound = Duration.milliseconds(100)
    var smallest = 1.0
    for _ in 0..<12 {
      guard let pause = backoff.next(using: &generator) else { return #expect(Bool(false)) }
      #expect(pause <= min(bound, .seconds(30)) && pause >= .zero)
      smallest = min(smallest, pause / bound)
      bound *= 2
    }
    #expect(smallest < 0.5)
    #expect(backoff.next(using: &generator) == nil)
    backoff.wasOpen(for: .seconds(9))
    #expect(backoff.next(using: &generator) == nil)
    backoff.wasOpen(for: .seconds(10))
    #expect(backoff.next(using: &generator).map { $0 <= .milliseconds(100) } == true)
  }

  @Test("Bounds of any length double up to the last one")
  func endlessBackoff() {
    var generator = Seeded(state: 3)
    for first in [Duration.seconds(1 << 40), .seconds(Int64.max), .zero] {
      var backoff = Backoff(AMQPRecoveryPolicy(firstBound: first, lastBound: .seconds(Int64.max)))
      for _ in 0..<100 { #expect(backoff.next(using: &generator).map { $0 >= .zero } == true) }
    }
  }

  @Test("A topology is declared in the order that the broker needs")
  func topology() {
    let topology = AMQPTopology(
      exchanges: [.init("a", type: "topic"), .init("b", type: "fanout")], queues: [.init("q")],
      bindings: [.init(from: "b", to: .queue("q")), .init(from: "a", to: .exchange("b"), routingKey: "#")])
    #expect(topology.declarations.map { $0.id.raw & 0xFF00FF } == [0x28000A, 0x28000A, 0x32000A, 0x28001E, 0x320014])
  }
}
