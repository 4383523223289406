internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

/// Which dead letters a command acts on, with a look before and a summary after.
struct BulkSelection: ParsableArguments {
  @Argument(help: "Only these messages.") var ids: [MessageID] = []
  @OptionGroup var conditions: DeadLetterConditions
  @Flag(help: "All dead letters; needed when no condition is given.") var all = false
  @Option(
    name: [.customLong("first"), .customLong("limit")],
    help: ArgumentHelp("Only this many, the oldest.", valueName: "count"))
  var first: CountArgument?
  @Option(help: ArgumentHelp("At most so many a second (50/s) or a minute (100/m).", valueName: "rate"))
  var rate: RateArgument?
  @Flag(help: "Count and show what is selected, and do nothing.") var dryRun = false

  /// Counts and shows what is selected, asks, acts, and prints what was done.
  func act(
    _ verb: String, done: String, _ options: GlobalOptions, store: (any StateStore)? = nil, asksForOne: Bool,
    _ confirmation: Confirmation,
    _ action: @Sendable (Operations, DeadLetterSurvey, Double?, (BulkReport) -> Void) async throws -> BulkReport
  ) async throws {
    if ids.isEmpty, !conditions.isGiven, !all {
      throw CommandError(.usage, "which dead letters?", next: "name ids or a condition, or take all of them with --all")
    }
    if all, !ids.isEmpty {
      throw CommandError(.usage, "--all and ids: only one of both", next: "leave out --all to take only these messages")
    }
    let printer = Printer(options)
    let summary = try await options.withOperations(store: store) { operations in
      let survey = try await operations.survey(
        conditions.selection(ids: ids, limit: first?.count ?? .max))
      if survey.count == 0 {
        throw CommandError(.nothing, "no dead letter matches", next: "see what there is with `warren dead ls`")
      }
      if dryRun {
        show(survey, printer)
        return BulkSummary(action: verb, matched: survey.count, missing: survey.missing, isDryRun: true)
      }
      if asksForOne || survey.count > 1, !confirmation.yes { show(survey, printer) }
      if asksForOne {
        StandardError.print(
          operations.restoring.map {
            "`warren dead restore` puts them back for \($0.lifetime.words), the newest \($0.limit)"
          } ?? "\(operations.broker.capabilities.engine) keeps nothing of what is deleted: this is final")
      }
      if asksForOne || survey.count > 1 {
        try confirmation.obtain("\(verb.capitalized) \(Count.of(survey.count, "dead letter"))?", options)
      }
      var isNamed = false
      var firstID: String?
      let progress: (BulkReport) -> Void = { report in
        // A dashboard gives it an id of its own.
        firstID = firstID ?? report.operation?.id
        let isOwn = operations.broker is RemoteBroker && report.operation?.id == firstID
        if let id = report.operation?.id, !isNamed, !isOwn,
          survey.count > Operations.pageSize || rate != nil
        {
          StandardError.print(
            "operation \(id): `warren op cancel` ends it, and `warren op resume` goes on if this is broken off")
          isNamed = true
        }
        if printer.terminal.showsProgress, survey.count > Operations.sampleSize {
          StandardError.progress("\(report.done + report.stayed) of \(survey.count)")
        }
      }
      let report = try await action(operations, survey, rate?.perSecond, progress)
      if printer.terminal.showsProgress, survey.count > Operations.sampleSize { StandardError.progress("") }
      return BulkSummary(action: verb, report)
    }
    try printer.thing(summary) {
      summary.isDryRun ? "\(summary.matched) would be \(done)\n" : "\(summary.done) \(done)\n"
    }
    try summary.finish(verb)
  }

  /// How many, and the first of them.
  private func show(_ survey: DeadLetterSurvey, _ printer: Printer) {
    StandardError.print("\(Count.of(survey.count, "dead letter")):")
    for letter in survey.sample {
      let line =
        "  \((letter.id ?? letter.address)?.rawValue ?? "(no id)")  \(letter.origin)  \(letter.name?.rawValue ?? "")  \(letter.reason.rawValue): \(letter.detail)"
      StandardError.print(Text.cut(Text.printable(line), to: printer.terminal.width))
    }
    if survey.count > survey.sample.count { StandardError.print("  … and \(survey.count - survey.sample.count) more") }
  }
}
