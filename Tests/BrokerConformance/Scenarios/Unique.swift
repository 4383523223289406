internal import Foundation
internal import Logging
internal import Warren

/// A job whose queue belongs to one scenario.
private struct Index: JobMessage {
  static let name: MessageName = "suite.index"
  @TaskLocal static var place: Queue = "none"
  static var queue: Queue { place }
  var text: String
}

extension Bench {
  /// Runs `body` beside a worker, which logs the texts of the jobs that it handles, and a bus with the same store. The worker begins after
  /// `before`: how long that takes does not matter.
  fileprivate func indexing(
    _ name: String, before: (EventBus) async throws -> Void,
    _ body: @escaping @Sendable (EventBus, Log<String>) async throws -> Void
  ) async throws {
    let place = queue(name)
    try await broker.apply(Topology(queues: [place]))
    let handled = Log<String>()
    try await Index.$place.withValue(place) {
      var options = Worker.Options()
      options.store = try mustStore()
      let worker = try Worker(
        broker, name: "w", options: options, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
      ) {
        On(Index.self) { job, _ in handled.add(job.text) }
      }
      let bus = EventBus(broker, source: prefix, store: options.store)
      try await before(bus)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        defer { group.cancelAll() }
        try await body(bus, handled)
      }
    }
  }
}

extension Scenario {
  /// Unique and cancelled jobs, by the engine or by a store beside it.
  static let unique: [Scenario] = [
    Scenario("of the jobs with one key that wait, the first or the last is handled, as they say", needs: [.store]) {
      bench in
      @Sendable func enqueue(_ text: String, _ onRepeat: Uniqueness.Repeat, _ bus: EventBus) async throws -> String {
        let unique = Uniqueness.key("\(onRepeat.kind)", onRepeat: onRepeat)
        return "\(try await bus.enqueue(Index(text: text), unique: unique, after: .milliseconds(100)).result)"
      }
      try await bench.indexing("keys") { bus in
        for (index, expected) in ["stored", "repeated", "repeated"].enumerated() {
          try equal(try await enqueue("keep \(index)", .keep, bus), expected)
        }
        for way in [Uniqueness.Repeat.replace, .debounce(longest: .seconds(600))] {
          for index in 0..<3 { try equal(try await enqueue("\(way.kind.rawValue) \(index)", way, bus), "stored") }
        }
      } _: { bus, handled in
        try await bench.advance(.milliseconds(200))
        try equal(try await handled.next(3).sorted(), ["debounce 2", "keep 0", "replace 2"])
        try equal(try await enqueue("late", .keep, bus), "repeated")
        // What was superseded has come and gone, or never was there: the next one that is handled is another.
        _ = try await bench.status(bench.queue("keys").name) { $0.ready == 0 && ($0.running ?? 0) == 0 }
        try await bus.enqueue(Index(text: "end"))
        try equal(try await handled.next(), "end")
      }
    },
    Scenario("a job that is cancelled while it waits is not handled", needs: [.store]) { bench in
      try await bench.indexing("cancelled") { bus in
        try await bus.enqueue(Index(text: "unwanted"), id: "mine", after: .milliseconds(100))
        try await bus.enqueue(Index(text: "wanted"), after: .milliseconds(100))
        try check(try await bus.cancel("mine", of: Index.self), "there was such a job")
      } _: { bus, handled in
        try await bench.advance(.milliseconds(200))
        try equal(try await handled.next(), "wanted")
        _ = try await bench.status(bench.queue("cancelled").name) { $0.ready == 0 && ($0.running ?? 0) == 0 }
        try await bus.enqueue(Index(text: "end"))
        try equal(try await handled.next(), "end")
      }
    },
  ]
}
