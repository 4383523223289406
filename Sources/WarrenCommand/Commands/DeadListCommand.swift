internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists dead letters, the oldest first.")
  @OptionGroup var options: GlobalOptions
  @OptionGroup var conditions: DeadLetterConditions
  @Argument(help: "Only these messages.") var ids: [MessageID] = []
  @Option(name: [.long, .customLong("first")], help: ArgumentHelp("At most this many.", valueName: "count"))
  var limit = CountArgument(count: 100)

  func run() async throws {
    let showsBodies = try options.json || Tables.deadLetters.chosen(options.columns).contains { $0.name == "body" }
    let selection = conditions.selection(ids: ids, limit: limit.count, includesBodies: showsBodies)
    let isConditional = conditions.isGiven || !ids.isEmpty
    let (isEmpty, report) = try await options.withOperations { operations in
      // One by one: bodies are large, and a list of them larger.
      let list = try Printer(options).listWriter(Tables.deadLetters)
      var seen: Set<String> = []
      let report = try await operations.search(selection) { letter in
        var letter = letter
        // Of two with one id the second is called by its address: its id selects both.
        if !options.json, let id = letter.id, !seen.insert("\(letter.queue) \(id)").inserted { letter.id = nil }
        // On a terminal the rows are held until the end, and no more of a body fits on a line.
        if !options.json, Terminal(options).isOutput, let text = letter.body?.text {
          letter.body?.text = String(text.prefix(1_000))
        }
        try list.write(letter)
      }
      try list.end(none: isConditional ? "no dead letter matches: `warren dead ls` lists all" : "no dead letters")
      return (list.isEmpty, report)
    }
    if report.isBounded {
      let total = report.total.map { " of \($0)" } ?? ""
      StandardError.print(
        "searched the oldest \(report.looked ?? 0)\(total): narrow it, as with queue:NAME or age<1d in --where")
    } else if report.hasMore {
      StandardError.print("there are more: raise --limit, or see them by cause with `warren dead groups`")
    }
    if isEmpty, !ids.isEmpty { throw ExitStatus.nothing }
  }
}
