internal import Tracing

/// Which message a task handles, and its trace: to be carried to where its work is done for it. A database, for one, works on a
/// queue of its own, where task-local values are not those of the caller.
package struct TaskContext: Sendable {
  private let message: MessageContext?
  private let trace: ServiceContext?

  /// That of the current task.
  package init() {
    message = MessageContext.current
    trace = ServiceContext.current
  }

  /// Does something as if the task itself did it.
  package func run<Result>(_ body: () throws -> Result) rethrows -> Result {
    try MessageContext.$current.withValue(message) {
      try ServiceContext.$current.withValue(trace) { try body() }
    }
  }
}
