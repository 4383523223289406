internal import ArgumentParser
internal import Foundation
internal import Warren

/// `--watch 2s`: repeats a look until it is interrupted.
struct WatchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Repeat with this pause: 2s, 500ms.", valueName: "duration"))
  var watch: DurationArgument?

  func validate() throws {
    if let watch, watch.seconds < 0.1 { throw ValidationError("--watch: the shortest pause is 100ms") }
  }

  func repeating<Result>(_ options: GlobalOptions, _ show: () async throws -> Result) async throws -> Result {
    guard let watch else { return try await show() }
    let printer = Printer(options)
    while true {
      // Home and clear: no scrolling, and the last look stays when interrupted.
      if printer.terminal.isOutput { try printer.write("\u{1B}[H\u{1B}[2J") }
      do {
        _ = try await show()
      } catch let error as BrokerError where error.isRetryable {
        // A broker that is busy or away for a moment is what a person watches for.
        StandardError.error(error.message)
      }
      try await Task.sleep(for: .seconds(watch.seconds))
    }
  }
}
