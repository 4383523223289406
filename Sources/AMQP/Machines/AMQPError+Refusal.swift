extension AMQPError {
  /// The broker closed a channel for this reason.
  init(refused reason: CloseReason) {
    let advice =
      switch reason.replyCode {
      case 403:
        "The user may not do this. Give it the permission on the virtual host, or another consumer is exclusive."
      case 404: "The queue or exchange does not exist. Declare it first."
      case 405: "The queue is exclusive to another connection, perhaps one that lingers: try again in a moment."
      case 406: "What was asked contradicts what is there, such as a queue with other arguments."
      default: "The broker closed the channel."
      }
    self.init(
      .channelClosedByServer, advice, replyCode: reason.replyCode, replyText: reason.replyText,
      isRetryable: reason.isTransient)
  }

  /// The same end of a connection or channel for a call that is not what the broker ended it over: it may succeed later.
  var forBystanders: AMQPError {
    switch code {
    case .connectionClosedByServer where !isRetryable:
      AMQPError(.connectionLost, "The broker closed the connection over another call. Try again.", underlying: self)
    case .channelClosedByServer where !isRetryable:
      AMQPError(
        code, "The broker closed the channel over another call. Try again.", replyCode: replyCode,
        replyText: replyText, isRetryable: true)
    default: self
    }
  }

  /// Whether this is a refusal by a channel that passes by itself.
  var isPassingRefusal: Bool { code == .channelClosedByServer && isRetryable }
}
