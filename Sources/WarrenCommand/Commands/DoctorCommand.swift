internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Looks at everything and says what to fix.",
    discussion: "The exit status is 0 when all is fine and 1 when something is to be fixed, after a repair as well.")
  @OptionGroup var options: GlobalOptions
  @OptionGroup var store: StoreOption
  @OptionGroup var rule: RuleOptions
  @Flag(help: "First repair what the broker stores in, where the engine can. No message is deleted.") var repair = false

  func run() async throws {
    let findings = try await options.withOperations(store: store.open()) { [rule = rule.rule, repair] operations in
      let repaired = repair ? try await operations.repair() : []
      return repaired + (try await operations.diagnosis(rule: rule))
    }
    let printer = Printer(options)
    if options.json || options.columns != nil {
      try printer.list(findings, Tables.findings, none: "nothing was found")
    } else {
      for finding in findings { try printer.write(FindingText.lines(finding, printer)) }
      if findings.isEmpty { StandardError.print("all is fine") }
    }
    if findings.contains(where: { $0.severity != .fine }) { throw ExitStatus.failure }
  }
}
