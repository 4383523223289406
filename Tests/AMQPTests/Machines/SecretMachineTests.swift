import NIOCore
import Testing

@testable import AMQP

/// The secrets of a connection, without a socket.
@Suite("Secret machine")
struct SecretMachineTests {
  private static let lost = AMQPError(.connectionLost, "lost")
  private static let refused = AMQPError(.connectionClosedByServer, "closed", replyCode: 530)

  /// Runs what the machine decides, and notes it.
  private struct Shell {
    var machine = SecretMachine()
    var sent: [String] = []

    mutating func run(_ actions: [SecretMachine.Action]) {
      for action in actions {
        switch action {
        case .finish(let request, let result): request.finish(result)
        case .send(.connectionUpdateSecret(let secret, _)): sent.append(String(buffer: secret))
        case .send(let method): Issue.record("\(method)")
        }
      }
    }

    mutating func give(_ text: String) -> RequestOutcome {
      let outcome = RequestOutcome()
      run(machine.give(text, reason: "for a test", outcome.request))
      return outcome
    }

    mutating func renew(_ text: String) -> RequestOutcome {
      let outcome = RequestOutcome()
      run(machine.renew(text, outcome.request))
      return outcome
    }

    mutating func open() {
      machine.connects(with: machine.newest)
      run(machine.opened())
    }

    mutating func answer() { run(machine.answered()) }
    mutating func lose() { run(machine.ended(SecretMachineTests.lost, isRefusal: false)) }
    mutating func refuse() { run(machine.ended(SecretMachineTests.refused, isRefusal: true)) }
  }

  @Test("A secret that is given while there is no connection is what the next one begins with")
  func down() {
    var shell = Shell()
    #expect(shell.machine.newest == nil)
    #expect(shell.give("a").method == .connectionUpdateSecretOk)
    #expect(shell.give("b").method == .connectionUpdateSecretOk)
    #expect(shell.machine.newest?.text == "b")
    shell.open()
    #expect(shell.sent == [])
    #expect(shell.renew("c").isOpen)
    shell.lose()
    #expect(shell.machine.newest?.text == "b")
    #expect(shell.renew("d").code == .connectionLost)
  }

  @Test("A secret that is given while the connection is opened is told when it is open, and only the newest")
  func opening() {
    var shell = Shell()
    shell.machine.connects(with: nil)
    #expect(!shell.give("a").isOpen)
    #expect(!shell.give("b").isOpen)
    shell.run(shell.machine.opened())
    #expect(shell.sent == ["b"])
    // No call waits for it.
    #expect(!shell.machine.isAwaited)
    shell.refuse()
    #expect(shell.machine.newest == nil)
  }

  @Test("A connection that does not open forgets nothing")
  func notOpened() {
    var shell = Shell()
    _ = shell.give("a")
    shell.machine.connects(with: shell.machine.newest)
    _ = shell.give("b")
    shell.refuse()
    #expect(shell.machine.newest?.text == "b")
    shell.open()
    #expect(shell.sent == [])
  }

  @Test("Answers are matched in order, also those that come for calls that gave up")
  func order() {
    var shell = Shell()
    shell.open()
    let outcomes = ["a", "b", "c"].map { shell.give($0) }
    #expect(shell.sent == ["a", "b", "c"])
    #expect(shell.machine.isAwaited)
    shell.run(shell.machine.giveUp(outcomes[0].request, AMQPError(.replyTimeout, "late")))
    #expect(outcomes[0].code == .replyTimeout)
    shell.answer()
    #expect(outcomes[1].isOpen && outcomes[2].isOpen)
    shell.answer()
    #expect(outcomes[1].method == .connectionUpdateSecretOk && outcomes[2].isOpen)
    shell.answer()
    #expect(!outcomes[2].isOpen && !shell.machine.isAwaited)
    // One that was not asked for means nothing.
    shell.answer()
    #expect(outcomes.allSatisfy { $0.results.count == 1 })
  }

  @Test("The next connection begins with the last secret that was taken if the newest is refused")
  func refused() {
    var shell = Shell()
    _ = shell.give("a")
    shell.open()
    let taken = shell.give("b")
    shell.answer()
    let refused = shell.give("c")
    shell.refuse()
    #expect(taken.method != nil)
    #expect(refused.code == .connectionClosedByServer)
    #expect(shell.machine.newest?.text == "b")
    shell.open()
    // The same text is another secret.
    _ = shell.give("c")
    shell.answer()
    shell.lose()
    #expect(shell.machine.newest?.text == "c")
  }

  @Test("A refusal is that of the oldest without an answer; what is newer was not judged")
  func bystander() {
    var shell = Shell()
    shell.open()
    let outcomes = ["a", "b"].map { shell.give($0) }
    shell.refuse()
    #expect(outcomes.map(\.code) == [.connectionClosedByServer, .connectionLost])
    #expect(shell.machine.newest?.text == "b")
  }

  @Test("A refusal of what a provider gave forgets nothing that was given by hand")
  func provider() {
    var shell = Shell()
    shell.open()
    _ = shell.give("a")
    shell.answer()
    let renewed = shell.renew("b")
    shell.refuse()
    #expect(renewed.code == .connectionClosedByServer)
    #expect(shell.machine.newest?.text == "a")
  }

  @Test("A secret that could not be sent is waited for no more, and those before it are")
  func notSent() {
    var shell = Shell()
    shell.open()
    let first = shell.give("a")
    let second = shell.renew("b")
    shell.run(shell.machine.sendingFailed(AMQPError(.invalidArgument, "too long")))
    #expect(first.isOpen && second.code == .invalidArgument)
    shell.answer()
    #expect(first.method != nil)
  }

  // MARK: At random

  /// What the rules say, step by step and told from nothing but the events.
  private struct Model {
    var texts: [String?] = [nil]
    var refused: Set<String> = []
    /// What the broker was told and has not answered; `nil` for a provider's.
    var told: [(text: String?, outcome: RequestOutcome?)] = []
    var outcomes: [RequestOutcome] = []

    /// The newest that was not refused.
    var next: String? { texts.last { text in text.map { !refused.contains($0) } ?? true } ?? nil }
  }

  @Test(
    "Each call ends once, answers come in order, and the newest secret that was not refused is what comes next",
    arguments: 1...20)
  func random(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
    enum Phase { case down, opening(String?), open }
    var shell = Shell()
    var model = Model()
    var phase = Phase.down
    for step in 0..<5000 {
      let finished = model.outcomes.filter { !$0.isOpen }.count
      switch (pick(0..<12), phase) {
      case (0..<4, _):
        let outcome = shell.give("s\(step)")
        model.outcomes.append(outcome)
        // One that no broker was told is replaced by the next.
        if case .open = phase {
          model.told.append(("s\(step)", outcome))
          model.texts.append("s\(step)")
        } else if case .opening(let began) = phase {
          model.texts = [began, "s\(step)"]
        } else {
          model.texts = ["s\(step)"]
        }
        #expect(outcome.isOpen == { if case .open = phase { true } else { false } }())
      case (4, .open):
        let outcome = shell.renew("p\(step)")
        model.outcomes.append(outcome)
        model.told.append((nil, outcome))
      case (5..<8, .open):
        shell.answer()
        guard !model.told.isEmpty else { break }
        let (text, outcome) = model.told.removeFirst()
        #expect(outcome.map { !$0.isOpen } ?? true)
        #expect(model.told.allSatisfy { $0.outcome?.isOpen != false || $0.outcome?.code == .replyTimeout })
        // What is older is of no interest any more.
        if let text, let index = model.texts.firstIndex(of: text) { model.texts.removeFirst(index) }
      case (8, .open):
        guard let outcome = model.told.compactMap(\.outcome).filter(\.isOpen).randomElement(using: &generator) else {
          break
        }
        shell.run(shell.machine.giveUp(outcome.request, AMQPError(.replyTimeout, "late")))
        #expect(model.outcomes.filter { !$0.isOpen }.count == finished + 1)
      case (9, .open), (9, .opening):
        shell.lose()
        model.told = []
        model.texts = [model.next]
        phase = .down
      case (10, .open) where !model.told.isEmpty:
        shell.refuse()
        if let text = model.told[0].text { model.refused.insert(text) }
        model.texts = [model.next]
        model.told = []
        phase = .down
      case (11, .down):
        #expect(shell.machine.newest?.text == model.next)
        shell.machine.connects(with: shell.machine.newest)
        phase = .opening(model.next)
      case (11, .opening(let began)):
        let sent = shell.sent.count
        shell.run(shell.machine.opened())
        phase = .open
        if model.next != began {
          #expect(shell.sent.count == sent + 1 && shell.sent.last == model.next)
          model.told = [(model.next, nil)]
        } else {
          #expect(shell.sent.count == sent)
        }
      default: break
      }
      #expect(shell.machine.newest?.text == model.next)
      #expect(model.refused.contains(shell.machine.newest?.text ?? "") == false)
      #expect(model.outcomes.allSatisfy { $0.results.count <= 1 })
      #expect(shell.machine.isAwaited == model.told.contains { $0.outcome?.isOpen == true })
      if model.outcomes.count > 100 { model.outcomes.removeAll { !$0.isOpen } }
    }
    shell.lose()
    #expect(model.outcomes.allSatisfy { $0.results.count == 1 })
  }
}
