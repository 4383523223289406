internal import ArgumentParser
internal import Foundation
internal import WarrenOperations

/// What every command takes, before or after its name.
struct GlobalOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The broker: sqlite:PATH or amqp://… (default: $WARREN_BROKER).", valueName: "url"),
    completion: .file())
  var broker: String?

  @Option(help: ArgumentHelp("The broker of this name: see `warren context`.", valueName: "name"))
  var context: String?

  @Option(
    help: ArgumentHelp(
      """
      Act over the dashboard at this address instead, as https://example.org/admin/queues (default: $WARREN_URL). It says what \
      you may do, and writes who did it.
      """, valueName: "address"))
  var url: String?

  @Option(
    help: ArgumentHelp(
      "Who you are to the dashboard (better: $WARREN_USER, which others do not see).", valueName: "name:password"))
  var user: String?

  @Option(
    help: ArgumentHelp("The same as a bearer token (better: $WARREN_TOKEN).", valueName: "token"))
  var token: String?

  @Option(
    help: ArgumentHelp(
      """
      Write who changed what to this file of JSON lines ($WARREN_AUDIT); by default SQLite keeps it in the broker's file, and \
      for RabbitMQ it is ~/.local/state/warren/audit.jsonl. $WARREN_ACTOR says who you are.
      """, valueName: "file"),
    completion: .file())
  var auditFile: String?

  @Flag(help: "Print JSON: an array for a list, otherwise an object.") var json = false

  @Option(
    help: ArgumentHelp(
      "The columns of a table, in order, separated by commas; a wrong name lists them.", valueName: "names"))
  var columns: String?

  @Flag(help: "Show times in UTC instead of the local zone.") var utc = false

  @Flag(help: "No colours; the variable NO_COLOR does the same.") var noColor = false

  @Flag(help: "Show passwords, codes and tokens in messages.") var unmask = false

  func validate() throws {
    if url != nil, broker != nil || context != nil {
      throw ValidationError("--url and --broker or --context: only one of both")
    }
    if json, columns != nil { throw ValidationError("--json and --columns: only one of both") }
  }

  var mask: Mask { unmask ? .off : .standard }
}
