internal import Warren
internal import WarrenOperations

/// What was done to the selected dead letters.
struct BulkSummary: Codable, Sendable {
  var action: String
  var matched: Int
  var done = 0
  var stayed = 0
  /// Those that a worker held, and those that others had dealt with; `nil` where the engine does not tell.
  var held: Int?
  var gone: Int?
  var operation: String?
  private var state: BulkOperation.State?
  var missing: [MessageID]
  var error: String?
  var isDryRun = false
  private var errorStatus: Int32?

  private enum CodingKeys: String, CodingKey {
    case action, matched, done, stayed, held, gone, operation, missing, error
    case isDryRun = "dryRun"
  }

  init(action: String, matched: Int, missing: [MessageID], isDryRun: Bool) {
    self.action = action
    self.matched = matched
    self.missing = missing
    self.isDryRun = isDryRun
  }

  init(action: String, _ report: BulkReport) {
    self.init(action: action, matched: report.matched, missing: report.missing, isDryRun: false)
    done = report.done
    stayed = report.stayed
    (held, gone) = (report.held, report.gone)
    (operation, state) = (report.operation?.id, report.operation?.state)
    error = report.failure?.message
    errorStatus = report.failure.map { CommandError($0).status.rawValue }
  }

  /// Prints what was not done, and throws the exit status for it.
  func finish(_ verb: String) throws {
    for id in missing {
      StandardError.error("there is no dead letter '\(id)'\n  next: see what there is with `warren dead ls`")
    }
    if stayed > 0 {
      StandardError.error(
        "\(Count.of(stayed, "dead letter")) stayed: the queue that gave up on them is gone\n"
          + "  next: declare it by starting its service, then \(verb) again")
    }
    if let held, held > 0 {
      StandardError.error(
        "\(Count.of(held, "dead letter")) stayed: a worker held them at that moment\n  next: \(verb) again for them")
    }
    if let gone, gone > 0 { StandardError.print("\(gone) had been replayed, edited or deleted by others meanwhile") }
    if state == .cancelled {
      StandardError.error("it was cancelled, and \(matched - done - stayed) are left as they were")
    }
    if state == .running, let operation {
      StandardError.error("it is not at its end\n  next: go on with `warren op resume \(operation)`")
    }
    if let error { StandardError.error("\(error)\n  next: \(verb) again; what is done is not done twice") }
    if isDryRun { return }
    if let errorStatus, done == 0 { throw ExitStatus(rawValue: errorStatus) ?? .failure }
    if stayed > 0 || held ?? 0 > 0 || state ?? .done != .done || error != nil || !missing.isEmpty {
      throw done > 0 ? ExitStatus.partial : .failure
    }
  }
}
