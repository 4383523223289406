internal import Warren

/// A finding in words.
enum FindingText {
  static func lines(_ finding: Finding, _ printer: Printer) -> String {
    let terminal = printer.terminal
    let text = Text.printable(finding.text)
    let fix = finding.fix.map { Text.printable($0.withCommand) }
    if !terminal.isOutput { return "\(finding.severity.rawValue)\t\(text)\t\(fix ?? "")\n" }
    let head = Style(finding.severity)(finding.severity.rawValue, on: terminal) + "  " + text + "\n"
    return fix.map { head + "  fix: \($0)\n" } ?? head
  }
}
