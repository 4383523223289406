internal import ArgumentParser

struct RootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warren",
    abstract: "Operates a Warren broker: queues, messages, dead letters, schedules, breakers, workers, topology.",
    discussion: """
      The broker is named by --broker or the variable WARREN_BROKER: sqlite:PATH, or sqlite:///PATH from the root; \
      amqp://USER:PASSWORD@HOST/VHOST, with ?management=http://HOST:15672 where the management API is elsewhere.

      `warren context` gives brokers names. `warren --generate-completion-script bash` (zsh, fish) prints what completes commands \
      and options; where the shell looks for it is in its manual.

      On a terminal, lists are tables; elsewhere their rows are tab-separated, without titles, and \
      nothing is asked. A terminal that is too narrow leaves out columns, and says so. What the engine cannot tell is "-", and \
      null in JSON. --json gives the \
      same data for programs. Data goes to stdout, everything else to stderr.

      Exit status: 0 done, 1 an error (of `status` and `doctor`: something is not well), 2 not understood, 3 done with \
      some and not with others, 4 nothing matched, 5 the broker cannot be reached.
      """,
    version: "0.1.0",
    subcommands: [
      StatusCommand.self, QueueCommand.self, DeadCommand.self, MessageCommand.self, EventCommand.self, JobCommand.self,
      ScheduleCommand.self, BreakerCommand.self, WorkerCommand.self, OutboxCommand.self, TopologyCommand.self,
      DoctorCommand.self,
      OperationCommand.self,
      AuditCommand.self, ContextCommand.self, DashboardCommand.self,
      BenchCommand.self, DevCommand.self,
    ])

  @OptionGroup(title: "Everywhere") var options: GlobalOptions
}
