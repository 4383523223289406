/// A channel number that was given up here and that the broker has not closed yet. What it still sends there means
/// nothing; the number is free when both sides have closed it.
enum AbandonedChannel: Equatable {
  /// Channel.open has not been answered.
  case opening
  /// Channel.close has not been answered.
  case closing

  enum Action: Equatable {
    case send(Method)
    case free
  }

  mutating func receive(_ method: Method) -> [Action] {
    switch (self, method) {
    case (.opening, .channelOpenOk):
      self = .closing
      return [.send(.channelClose(.normal))]
    case (.opening, .channelClose): return [.send(.channelCloseOk), .free]
    // Both sides close at once: the broker still answers our close.
    case (.closing, .channelClose): return [.send(.channelCloseOk)]
    case (.closing, .channelCloseOk): return [.free]
    default: return []
    }
  }
}

extension CloseReason {
  /// Nothing went wrong.
  static var normal: CloseReason { CloseReason(replyCode: 200, replyText: "") }
}
