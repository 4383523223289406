internal import Foundation
internal import Synchronization
public import Warren

/// An engine that can do all that the suite asks for.
public typealias CompleteBroker = InspectableBroker & OperableBroker & DeadLetterBroker

/// What a scenario works with: one engine, freshly opened, and the means to turn its time.
public struct Bench: Sendable {
  /// The engine, running.
  public let broker: any CompleteBroker
  /// The engine's time.
  public let clock: any BrokerClock
  /// Lets the engine's time pass: at once with a virtual clock, really where the engine keeps time itself.
  public let advance: @Sendable (Duration) async throws -> Void
  /// Where state lives that the engine cannot hold; by default the engine itself, where it is a store.
  public let store: (any StateStore)?
  /// How other processes reach the same engine; `nil` when they cannot.
  public let url: String?
  /// Keeps the names of this scenario apart from those of others on the same engine.
  public let prefix: String

  /// A bench.
  public init(
    broker: any CompleteBroker, clock: any BrokerClock, store: (any StateStore)? = nil, url: String?,
    prefix: String = "t\(UInt32.random(in: 0...UInt32.max))",
    advance: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.broker = broker
    self.clock = clock
    self.store = store ?? broker as? any StateStore
    self.url = url
    self.prefix = prefix
    self.advance = advance
  }

  /// A queue whose name no other scenario has.
  public func queue(_ name: String, timeToLive: Duration? = nil) -> Queue {
    Queue(QueueName("\(prefix).\(name)"), timeToLive: timeToLive)
  }
  /// An exchange whose name no other scenario has.
  public func exchange(_ name: String, _ kind: Exchange.Kind) -> Exchange {
    Exchange(ExchangeName("\(prefix).\(name)"), kind)
  }

  /// A message with this text as its body.
  public func message(_ text: String, name: MessageName = "test.thing", headers: Message.Headers = [:]) -> Message {
    Message(id: .unique(), name: name, body: Data(text.utf8), headers: headers, timestamp: clock.now, source: "suite")
  }

  /// Declares a queue, and puts messages into it.
  public func fill(_ queue: Queue, _ texts: String...) async throws {
    try await broker.apply(Topology(queues: [queue]))
    let results = try await broker.publish(texts.map { Publication(message($0), to: .queue(queue.name)) })
    for result in results { try check(result.isStored, "stored, not \(result)") }
  }

  /// The status of a queue.
  public func status(_ queue: QueueName) async throws -> QueueStatus {
    guard let status = try await broker.queues().first(where: { $0.name == queue }) else {
      throw ScenarioFailure("there is no queue \(queue)")
    }
    return status
  }
  /// The status of a queue, once it fulfils a condition: for engines whose counts come late.
  public func status(_ queue: QueueName, when condition: (QueueStatus) -> Bool) async throws -> QueueStatus {
    try await firstAnswer("the queue has come to that") {
      let status = try await status(queue)
      return (condition(status) ? status : nil, "\(status)")
    }
  }
  /// The dead letters of a queue, once there are so many.
  public func deadLetters(of queue: Queue, count: Int) async throws -> [DeadLetter] {
    try await firstAnswer("\(count) dead letters") {
      let letters = try await broker.deadLetters(.init(origin: queue.name)).letters
      return (letters.count >= count ? letters : nil, "\(letters.count)")
    }
  }

  /// Runs `body` on the deliveries of a queue.
  public func consume<Result: Sendable>(
    _ queue: Queue, prefetch: Int = 10, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    try await broker.consume(queue.name, prefetch: prefetch, body)
  }
}

/// How long a scenario waits for what must come, on a machine that has other things to do. Never how long it waits for what must not.
public let patience: Duration = .seconds(60)

/// Asks until there is an answer, which must come. An engine announces nothing of what it shows to operators, so only asking
/// again helps; what a handler does is waited for by a ``Log``.
///
/// - Parameter look: the answer, if there is one, and what was seen.
public func firstAnswer<Answer>(
  _ what: String, file: StaticString = #fileID, line: UInt = #line,
  _ look: () async throws -> (answer: Answer?, seen: String)
) async throws -> Answer {
  let end = ContinuousClock.now + patience
  while true {
    let (answer, seen) = try await look()
    if let answer { return answer }
    if ContinuousClock.now > end { throw ScenarioFailure("\(what), not: \(seen)", file: file, line: line) }
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// Asks until a condition holds.
public func eventually(
  _ what: String = "it has come to that", file: StaticString = #fileID, line: UInt = #line,
  _ condition: () async throws -> Bool
) async throws {
  try await firstAnswer(what, file: file, line: line) { (try await condition() ? () : nil, "so far") }
}

/// Something did not hold.
public struct ScenarioFailure: Error, CustomStringConvertible {
  /// What, and where.
  public let description: String
  /// A failure.
  public init(_ text: String, file: StaticString = #fileID, line: UInt = #line) {
    description = "\(text) (\(file):\(line))"
  }
}

/// Fails the scenario unless the condition holds; `text` says what should be.
public func check(
  _ condition: Bool, _ text: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) throws {
  if !condition { throw ScenarioFailure("should be: \(text())", file: file, line: line) }
}

/// Fails the scenario unless both are equal.
public func equal<Value: Equatable>(
  _ a: Value, _ b: Value, _ what: String = "", file: StaticString = #fileID, line: UInt = #line
) throws {
  if a != b { throw ScenarioFailure("\(what) is \(a), should be \(b)", file: file, line: line) }
}

/// Fails the scenario unless `body` throws a broker error with this code.
public func expect(
  _ code: BrokerError.Code, file: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> Void
) async throws {
  do {
    try await body()
  } catch let error as BrokerError where error.code == code {
    return
  } catch {
    throw ScenarioFailure("threw \(error), should throw \(code)", file: file, line: line)
  }
  throw ScenarioFailure("threw nothing, should throw \(code)", file: file, line: line)
}

/// Fails the scenario when `body` takes longer than ``patience``.
public func within<Result: Sendable>(
  _ limit: Duration = patience, file: StaticString = #fileID, line: UInt = #line,
  _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let result = first else {
      throw ScenarioFailure("nothing came within \(limit)", file: file, line: line)
    }
    return result
  }
}

extension Consumer {
  /// The next delivery, which must come.
  public func mustNext(file: StaticString = #fileID, line: UInt = #line) async throws -> Delivery {
    guard let delivery = try await within(file: file, line: line, { await self.next() }) else {
      throw ScenarioFailure("the consumer ended", file: file, line: line)
    }
    return delivery
  }
}

extension Delivery {
  /// The body, as text.
  public var text: String { String(decoding: message.body, as: UTF8.self) }
}

/// A place where concurrent handlers leave what they saw.
public final class Log<Element: Sendable>: Sendable {
  private let stream: AsyncStream<Element>
  private let continuation: AsyncStream<Element>.Continuation
  private let iterator: Box

  private final class Box: @unchecked Sendable {
    // Only `next()` touches it, which scenarios call from one task at a time.
    var iterator: AsyncStream<Element>.Iterator
    init(_ iterator: AsyncStream<Element>.Iterator) { self.iterator = iterator }
  }

  /// An empty log.
  public init() {
    (stream, continuation) = AsyncStream.makeStream()
    iterator = Box(stream.makeAsyncIterator())
  }
  /// Adds an element.
  public func add(_ element: Element) { continuation.yield(element) }
  /// The next element, which must come.
  public func next(file: StaticString = #fileID, line: UInt = #line) async throws -> Element {
    let iterator = iterator
    let element = try await within(file: file, line: line) {
      var copy = iterator.iterator
      let element = await copy.next()
      iterator.iterator = copy
      return element
    }
    guard let element else { throw ScenarioFailure("the log ended", file: file, line: line) }
    return element
  }
  /// So many elements, which must come.
  public func next(_ count: Int, file: StaticString = #fileID, line: UInt = #line) async throws -> [Element] {
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try await next(file: file, line: line)) }
    return elements
  }
}

/// How many are inside.
public final class Counter: Sendable {
  private let count = Mutex(0)
  /// None.
  public init() {}
  /// How many there are.
  public var value: Int { count.withLock { $0 } }
  /// One more; returns how many there are then.
  public func enter() -> Int {
    count.withLock {
      $0 += 1
      return $0
    }
  }
  /// One less.
  public func leave() { count.withLock { $0 -= 1 } }
}
