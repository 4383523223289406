internal import ArgumentParser
internal import Warren

/// How long messages may wait before that is a warning.
struct RuleOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("How long a message may wait in a queue that workers consume.", valueName: "duration"))
  var patience: DurationArgument = DurationArgument(seconds: 900)

  var rule: HealthRule { HealthRule(patience: .seconds(Int(patience.seconds))) }
}
