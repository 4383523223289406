internal import Warren

/// Colours. A word always says the same, so that nothing is lost without them.
enum Style: String {
  case plain = ""
  case title = "1"
  case dim = "2"
  case good = "32"
  case warning = "33"
  case bad = "31"

  init(_ health: Finding.Severity) {
    self =
      switch health {
      case .fine: .good
      case .warning: .warning
      case .problem: .bad
      }
  }

  init(_ state: QueueStatus.State) {
    self =
      switch state {
      case .active: .good
      case .paused, .unattended, .mayHoldDeadLetters: .warning
      case .deadLetters: .plain
      }
  }

  func callAsFunction(_ text: String, on terminal: Terminal) -> String {
    terminal.hasColour && self != .plain ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }
}
