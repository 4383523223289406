/// An option that is given twice: of its two values the parser would drop the first without a word.
enum RepeatedOptions {
  /// Options without a value, and those that may be repeated.
  private static let allowed: Set<String> = [
    "--all", "--dry-run", "--force", "--help", "--json", "--no-color", "--plain", "--repair", "--unmask", "--utc",
    "--version", "--yes", "--header",
  ]
  /// Two names of one option.
  private static let sameAs = ["--limit": "--first"]

  static func refuse(in arguments: some Sequence<String>) throws {
    var given: Set<Substring> = []
    for argument in arguments {
      if argument == "--" { return }
      guard argument.hasPrefix("--"), let name = argument.split(separator: "=", maxSplits: 1).first else { continue }
      if allowed.contains(String(name)) { continue }
      guard given.insert(sameAs[String(name)].map { $0[...] } ?? name).inserted else {
        throw CommandError(.usage, "\(name) is given twice, and has one value", next: "leave one of the two out")
      }
    }
  }
}
