internal import Foundation
internal import Warren

extension Bench {
  fileprivate func locking() throws -> any LockingBroker {
    guard let broker = broker as? any LockingBroker else { throw ScenarioFailure("an engine with locks") }
    return broker
  }
}

extension Scenario {
  /// Locks that one process of all holds.
  static let locking: [Scenario] = [
    Scenario(
      "a lock is held by one at a time, the next one waits for it, and another name is another lock", needs: [.locks]
    ) {
      bench in
      let broker = try bench.locking()
      let name = LockName("\(bench.prefix).lock")
      let inside = Counter()
      let most = Log<Int>()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            try await broker.withLock(name) {
              most.add(inside.enter())
              for _ in 0..<50 { await Task.yield() }
              inside.leave()
            }
          }
        }
        try await group.waitForAll()
      }
      try equal(try await most.next(4), [1, 1, 1, 1], "how many held it")
      try await broker.withLock(name) {
        let other = try await broker.withLock("\(bench.prefix).other", wait: .seconds(10)) { 7 }
        try equal(other, 7, "the result")
      }
    },
    Scenario("a lock that is held is refused to a caller that does not wait, and free after an error", needs: [.locks])
    {
      bench in
      let broker = try bench.locking()
      let name = LockName("\(bench.prefix).lock")
      try await broker.withLock(name) {
        try await expect(.unavailable) { try await broker.withLock(name, wait: .zero) {} }
      }
      do {
        try await broker.withLock(name) { throw ScenarioFailure("on purpose") }
      } catch is ScenarioFailure {}
      try await broker.withLock(name, wait: .seconds(10)) {}
    },
    Scenario("a lock ends with the process that holds it", needs: [.locks, .otherProcesses]) { bench in
      let broker = try bench.locking()
      let name = LockName("\(bench.prefix).lock")
      let holder = try await OtherProcess.locking(name, bench)
      try await expect(.unavailable) { try await broker.withLock(name, wait: .zero) {} }
      holder.kill()
      try await within { try await broker.withLock(name) {} }
    },
  ]
}
