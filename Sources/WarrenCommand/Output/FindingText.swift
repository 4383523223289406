internal import WarrenOperations

/// A finding in words.
enum FindingText {
  static func lines(_ finding: FindingView, _ printer: Printer) -> String {
    let terminal = printer.terminal
    let text = Text.printable(finding.text)
    let mend = finding.mend.map { Text.printable($0) }
    if !terminal.isOutput { return "\(finding.severity.rawValue)\t\(text)\t\(mend ?? "")\n" }
    let head = Style(finding.severity)(finding.severity.rawValue, on: terminal) + "  " + text + "\n"
    return mend.map { head + "  mend: \($0)\n" } ?? head
  }
}
