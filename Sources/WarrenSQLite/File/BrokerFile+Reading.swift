internal import GRDB
internal import Warren

extension BrokerFile {
  /// Reads a snapshot. Briefly: while it is read, the file cannot be tidied up.
  func read<Result: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Result
  ) async throws(BrokerError) -> Result {
    let path = shownPath
    return try await withCheckedContinuation {
      (continuation: CheckedContinuation<Swift.Result<Result, BrokerError>, Never>) in
      database.asyncRead { opened in
        let result: Swift.Result<Result, BrokerError>
        do {
          result = .success(try body(opened.get()))
        } catch let error as BrokerError {
          result = .failure(error)
        } catch {
          result = .failure(StorageError(error).brokerError(path: path))
        }
        continuation.resume(returning: result)
      }
    }.get()
  }
}
