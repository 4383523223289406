@testable import AMQP

/// Runs `body` and fails if it takes longer than `limit`: a hang is a failed test and not a stuck run.
func within<R: Sendable>(
  _ limit: Duration = .seconds(60), _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
  try await withThrowingTaskGroup(of: R.self) { group in
    group.addTask(operation: body)
    group.addTask {
      try await Task.sleep(for: limit)
      throw TookTooLong()
    }
    defer { group.cancelAll() }
    guard let result = try await group.next() else { throw TookTooLong() }
    return result
  }
}

struct TookTooLong: Error {}

/// The ``AMQPError`` that `body` throws, or `nil` if it throws none.
func amqpError(_ body: () async throws -> Void) async -> AMQPError? {
  do {
    try await body()
    return nil
  } catch { return error as? AMQPError }
}

/// Waits for something that is not announced. It looks again every few milliseconds, until the test's own limit.
func eventually(_ condition: () -> Bool) async {
  while !condition(), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
}
