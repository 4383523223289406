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
        case 404: error.saysThatNothingIsThere ? .notFound : .unavailable
        case 406: error.isAboutQueueLimit ? .invalid : .topologyConflict
        case 403: .invalid
        default: .unavailable
        }
      case .authenticationFailed, .virtualHostRefused, .tlsFailed, .versionMismatch: .invalid
      default: .unavailable
      }
    var words = error.replyText.map { "\(error.message) RabbitMQ says: \($0)" } ?? error.message
    if error.isAboutRights { words += ". Give the user that right: docs/permissions.md lists what each role needs" }
    if error.isAboutQueueLimit { words += ". Raise the limit, or declare fewer queues" }
    self.init(code, "\(doing) failed: \(words)", underlying: error)
  }
}

extension BrokerError {
  /// Whether RabbitMQ refused it because the user lacks a right.
  var isAboutRights: Bool { (underlying as? AMQPError)?.isAboutRights ?? false }
  /// Whether there is no room for another queue.
  var isAboutQueueLimit: Bool { (underlying as? AMQPError)?.isAboutQueueLimit ?? false }
}

extension AMQPError {
  /// Whether a 404 means that there is no such queue or exchange. Other texts, such as "home node … is down or inaccessible" or
  /// "process is stopped by supervisor", speak of a node that comes back.
  var saysThatNothingIsThere: Bool {
    guard let text = replyText else { return true }
    return text.contains("no queue '") || text.contains("no exchange '") || text.contains("no binding ")
  }

  /// Whether the user lacks a right.
  var isAboutRights: Bool { replyCode == 403 && replyText?.contains("access to") == true }

  /// Whether the virtual host or the cluster has no room for another queue.
  var isAboutQueueLimit: Bool { replyText?.contains("queue limit in ") == true }

  /// Whether a stream cannot do what was asked.
  var isAboutStream: Bool { replyCode == 540 && replyText?.contains("stream queues") == true }

  /// The most bytes that the broker lets a body have, when it refused one because it is larger.
  var largestBody: Int? {
    guard replyCode == 406, let text = replyText, text.contains("larger than"),
      let number = text.split(whereSeparator: { !$0.isNumber }).last
    else { return nil }
    return Int(number)
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
