import NIOCore
import Testing

@testable import AMQP

/// What a connection leaves out because the one before ended over it.
@Suite("Left out")
struct LeftOutTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test("At first as many channels may be opened as were agreed on")
  func asTuned() {
    let leftOut = LeftOut()
    #expect(leftOut.admits(isNew: false, beside: 2000, opening: 2000, start) == .now)
    #expect(leftOut.admits(isNew: true, beside: 2000, opening: 2000, start) == .now)
  }

  @Test("A refusal while one channel was being opened tells how many there may be")
  func limit() {
    var leftOut = LeftOut()
    leftOut.channelRefused(open: 2, opening: 1, start)
    let until = start + .seconds(10)
    #expect(leftOut.channels == .atMost(2, until: until))
    for isNew in [true, false] { #expect(leftOut.admits(isNew: isNew, beside: 1, opening: 1, start) == .now) }
    // A user is told at once; what was open before waits.
    #expect(leftOut.admits(isNew: true, beside: 2, opening: 0, start + .seconds(9)) == .never)
    #expect(leftOut.admits(isNew: false, beside: 2, opening: 0, start + .seconds(9)) == .later)
    leftOut.connectionOpened()
    #expect(leftOut.channels == .atMost(2, until: until))
    leftOut.connectionLost()
    #expect(leftOut.channels == .asTuned)
  }

  @Test("A refusal while many were being opened does not tell: the next ones are opened one after the other")
  func unknownLimit() {
    var leftOut = LeftOut()
    leftOut.channelRefused(open: 0, opening: 11, start)
    #expect(leftOut.admits(isNew: false, beside: 0, opening: 0, start) == .now)
    #expect(leftOut.admits(isNew: false, beside: 5, opening: 1, start) == .later)
    #expect(leftOut.admits(isNew: true, beside: 5, opening: 1, start) == .later)
    leftOut.channelRefused(open: 10, opening: 1, start)
    #expect(leftOut.channels == .atMost(10, until: start + .seconds(10)))
  }

  @Test("After a while one more is tried, alone, and each time for nothing the next while is twice as long")
  func triesAgain() {
    var leftOut = LeftOut()
    var now = start
    var holds: [Int64] = []
    for _ in 0..<12 {
      leftOut.channelRefused(open: 2, opening: 1, now)
      // Another refusal before it is time, by a predecessor that lingers, says nothing new.
      leftOut.channelRefused(open: 2, opening: 1, now)
      guard case .atMost(2, let until) = leftOut.channels else { return #expect(Bool(false)) }
      holds.append((until - now).nanoseconds / 1_000_000_000)
      now = until
      for isNew in [true, false] {
        #expect(leftOut.admits(isNew: isNew, beside: 2, opening: 0, now) == .now)
        #expect(leftOut.admits(isNew: isNew, beside: 3, opening: 1, now) == .later)
        // It was allowed, so the next one is tried as well.
        #expect(leftOut.admits(isNew: isNew, beside: 3, opening: 0, now) == .now)
      }
    }
    #expect(holds == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600])
  }

  @Test("At least one channel may be there, or nothing would ever be tried again")
  func one() {
    var leftOut = LeftOut()
    leftOut.channelRefused(open: 0, opening: 1, start)
    #expect(leftOut.admits(isNew: false, beside: 0, opening: 0, start) == .now)
  }

  @Test("A declaration is left out until a connection was of use")
  func declarations() {
    var leftOut = LeftOut()
    let declaration = Method.queueDeclare(QueueDeclare(queue: "q"))
    leftOut.declarationRefused(declaration)
    leftOut.connectionLost()
    #expect(leftOut.declarations == [declaration])
    leftOut.connectionOpened()
    #expect(leftOut.declarations == [])
  }

  // MARK: Consumers

  private static func over(_ method: Method, _ text: String) -> CloseReason {
    CloseReason(replyCode: 540, replyText: text, classID: method.id.classID, methodID: method.id.methodID)
  }

  private let s = BasicConsume(queue: "s", consumerTag: "1")
  private let other = BasicConsume(queue: "other", consumerTag: "2")
  private let text = "NOT_IMPLEMENTED - basic.consume is not supported by stream queues queue 's' in vhost '/'"

  @Test("Of several consumers the one is found whose queue the broker names")
  func named() {
    let close = Self.over(.basicConsume(s), text)
    #expect(close.consumers(among: [other, s]) == [1])
    #expect(close.consumers(among: []) == [])
    // It is the only one that was asked for, whatever the broker says.
    #expect(Self.over(.basicConsume(s), "").consumers(among: [other]) == [0])
    #expect(Self.over(.basicConsume(s), "").consumers(among: [other, s]) == [])
    #expect(Self.over(.basicCancel(consumerTag: "1", noWait: false), text).consumers(among: [s]) == [])
  }

  @Test("Consumers that ask for the same are refused alike, and others of the queue are not ended for them")
  func alike() {
    let close = Self.over(.basicConsume(s), text)
    var again = s
    again.consumerTag = "3"
    again.arguments["x-stream-offset"] = 5
    #expect(close.consumers(among: [s, other, again]) == [0, 2])
    again.noAck = true
    #expect(close.consumers(among: [s, other, again]) == [])
  }
}
