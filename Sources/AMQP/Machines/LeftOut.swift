import NIOCore

/// What the next connection leaves out, because the broker ended the one before over it: with it no connection would stay.
struct LeftOut: Sendable {
  /// How many channels there may be.
  enum Channels: Sendable, Equatable {
    /// As many as were agreed on when the connection was tuned.
    case asTuned
    /// The broker allows fewer, and it is not known how many, as it refused one while others were being opened. They are opened
    /// one after the other, so that the next refusal tells.
    case oneByOne
    /// The broker refused one more than so many. After this time one is tried again: those of a connection that lingers count
    /// for a while, and so do those of the user's other connections.
    case atMost(Int, until: NIODeadline)
  }

  /// Whether a channel may be opened.
  enum Admission: Sendable, Equatable {
    case now
    /// Another channel has to be opened, or closed, before.
    case later
    case never
  }

  private(set) var channels = Channels.asTuned
  /// Declarations over which the broker closed the connection since it was of use last, such as of a kind that it does not know.
  private(set) var declarations: [Method] = []

  /// How long the next refusal holds. Each attempt costs the connection, so it doubles with each that was for nothing.
  private var hold = shortestHold
  private static let shortestHold = TimeAmount.seconds(10)
  private static let longestHold = TimeAmount.hours(1)

  /// The broker ended the connection over one channel more than the user may have.
  ///
  /// - Parameters:
  ///   - open: How many the connection had.
  ///   - opening: How many it had asked for without an answer, the refused one among them.
  mutating func channelRefused(open: Int, opening: Int, _ now: NIODeadline) {
    if case .atMost(_, let until) = channels, now >= until { hold = min(hold * 2, Self.longestHold) }
    channels = opening > 1 ? .oneByOne : .atMost(max(1, open), until: now + hold)
  }

  /// The broker ended the connection over a declaration.
  mutating func declarationRefused(_ declaration: Method) { declarations.append(declaration) }

  /// The connection is of use: what was left out of it is tried again on the next one.
  mutating func connectionOpened() { declarations = [] }

  /// The connection ended over something else, after its channels were opened.
  mutating func connectionLost() { channels = .asTuned }

  /// Whether one more channel may be opened.
  ///
  /// - Parameters:
  ///   - isNew: Whether it was never open: its user is told at once that there is no room. Others wait.
  ///   - count: How many channels there are.
  ///   - opening: How many of them are being opened.
  func admits(
    isNew: Bool, beside count: Int, opening: @autoclosure () -> Int, _ now: @autoclosure () -> NIODeadline
  ) -> Admission {
    switch channels {
    case .asTuned: .now
    case .oneByOne: opening() == 0 ? .now : .later
    case .atMost(let most, let until):
      if count < most { .now } else if now() < until { isNew ? .never : .later } else { opening() == 0 ? .now : .later }
    }
  }
}

extension CloseReason {
  /// Which of the consumers that the broker was asked for it ended the connection over, for instance one of a stream without
  /// acknowledgement; none where that cannot be told. What asks for the same is refused alike.
  func consumers(among asked: [BasicConsume]) -> [Int] {
    var indices = asked.indices.filter { isOver(.basicConsume(asked[$0])) }
    if indices.count > 1 { indices.removeAll { !replyText.contains("'\(asked[$0].queue)'") } }
    func common(_ index: Int) -> BasicConsume {
      var consume = asked[index]
      consume.consumerTag = ""
      consume.arguments["x-stream-offset"] = nil
      return consume
    }
    return indices.allSatisfy { common($0) == common(indices[0]) } ? indices : []
  }
}
