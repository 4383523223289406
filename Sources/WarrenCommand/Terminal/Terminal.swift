internal import Foundation

/// Whether people or programs are at the ends of the command's standard streams.
struct Terminal {
  /// Whether tables are printed for a person.
  let isOutput: Bool
  /// Whether a person can be asked, who reads the question on stderr and answers on stdin.
  let canAsk: Bool
  /// Whether progress may be drawn on stderr.
  let showsProgress: Bool
  /// How many columns a line has.
  let width: Int
  /// Whether colours are wanted.
  let hasColour: Bool

  init(_ options: GlobalOptions) {
    let environment = ProcessInfo.processInfo.environment
    isOutput = isatty(STDOUT_FILENO) == 1
    let isErrorTerminal = isatty(STDERR_FILENO) == 1
    let isDumb = environment["TERM"] == "dumb"
    showsProgress = isErrorTerminal && !isDumb
    canAsk = isatty(STDIN_FILENO) == 1 && isErrorTerminal
    width = Self.columns(environment)
    hasColour =
      isOutput && !options.noColor && (environment["NO_COLOR"] ?? "").isEmpty && !isDumb
  }

  private static func columns(_ environment: [String: String]) -> Int {
    if let columns = environment["COLUMNS"].flatMap({ Int($0) }), columns > 0 { return columns }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
    return Int(size.ws_col)
  }
}
