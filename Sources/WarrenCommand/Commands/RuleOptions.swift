internal import ArgumentParser
internal import Warren

/// How patient the health rule is.
struct RuleOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("How long a message may wait in a queue that somebody consumes.", valueName: "duration"))
  var patience: DurationArgument = DurationArgument(seconds: 900)

  var rule: HealthRule { HealthRule(patience: .seconds(Int(patience.seconds))) }
}
