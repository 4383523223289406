internal import Synchronization

/// Work that several tasks do together, each taking the next piece.
package final class Share: Sendable {
  private let next = Atomic(0)
  private let count: Int

  package init(_ count: Int) { self.count = count }

  /// The next number, or `nil` when all is done.
  package func take() -> Int? {
    let number = next.add(1, ordering: .relaxed).oldValue
    return number < count ? number : nil
  }

  /// Does all of it by so many tasks at once.
  package static func split(
    _ count: Int, among tasks: Int, _ body: @escaping @Sendable (Int) async throws -> Void
  ) async throws {
    let share = Share(count)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<tasks {
        group.addTask { while let number = share.take() { try await body(number) } }
      }
      try await group.waitForAll()
    }
  }
}
