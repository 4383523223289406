internal import AMQP
internal import Warren

extension BrokerError {
  /// What the AMQP client says, in Warren's words. `doing` completes "… failed".
  init(_ error: AMQPError, doing: String) {
    let code: Code =
      switch error.code {
      case .invalidURI, .invalidArgument, .invalidConfiguration: .invalid
      case .messageTooLarge: .tooLarge
      case .publishTimeout: .deadline
      case .unknownOutcome, .cancelled: .unknownOutcome
      case .nacked: .full
      case .unroutable: .unroutable
      case .connectionClosed, .channelClosed: .stopped
      case .channelClosedByServer:
        switch error.replyCode {
        case 404: .notFound
        case 406: .topologyConflict
        case 403: .invalid
        default: .unavailable
        }
      case .authenticationFailed, .virtualHostRefused, .tlsFailed, .versionMismatch: .invalid
      default: .unavailable
      }
    let words = error.replyText.map { "\(error.message) RabbitMQ says: \($0)" } ?? error.message
    self.init(code, "\(doing) failed: \(words)", underlying: error)
  }
}

/// Does it and puts what the AMQP client throws into Warren's words.
func asBrokerError<Result>(
  _ doing: @autoclosure () -> String, _ body: () async throws -> Result
) async throws(BrokerError) -> Result {
  do { return try await body() } catch let error as BrokerError { throw error } catch let error as AMQPError {
    throw BrokerError(error, doing: doing())
  } catch {
    throw BrokerError(.unavailable, "\(doing()) failed: \(error)", underlying: error)
  }
}

/// Runs to the end even when the caller's task is cancelled: what has begun must not stop between a copy and its
/// acknowledgement.
func uncancelled<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
  await Task { await body() }.value
}
