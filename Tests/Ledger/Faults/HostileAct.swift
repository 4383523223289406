internal import Foundation
internal import Spawning
internal import Warren

/// One thing that others do on a broker, and undo.
struct HostileAct: Sendable {
  enum Kind: CaseIterable {
    case fillQueue, fillDeadLetters, shortenDelays, fillNeighbour, deleteNeighbour, pause, look, closeConnections
  }
  /// How often dead letters were looked at.
  struct Counts {
    var looks = 0
    var brokenOff = 0
    var refused = 0
  }
  let kind: Kind
  let number: Int
  /// How long it lasts, in seconds.
  let seconds: Int

  /// The acts of a run: as many as are wanted, each kind once before any comes again.
  static func all(_ count: Int, using random: inout Seeded) -> [HostileAct] {
    var kinds: [Kind] = []
    return (0..<count).map { number in
      if kinds.isEmpty { kinds = Kind.allCases.shuffled(using: &random) }
      return HostileAct(
        kind: kinds.removeLast(), number: number, seconds: Int.random(in: 3...6, using: &random))
    }
  }

  /// Does it, and undoes it.
  func happen(
    to queue: QueueName, _ cluster: Cluster, _ engine: any CompleteEngine, _ counts: inout Counts
  ) async throws {
    let neighbour = QueueName("neighbour-\(number)")
    func hold() async throws { try await Task.sleep(for: .seconds(seconds)) }
    switch kind {
    case .fillQueue:
      try await cluster.setPolicy("hostile", on: "^\(queue)$", #"{"max-length": 1}"#)
      try await hold()
      try await cluster.clearPolicy("hostile")
    case .fillDeadLetters:
      try await cluster.setPolicy("hostile", on: "^\(queue)\\.dlq$", #"{"max-length": 1}"#)
      try await hold()
      try await cluster.clearPolicy("hostile")
    case .shortenDelays:
      try await cluster.setPolicy("hostile", on: #"^warren\.delay\."#, #"{"message-ttl": 100}"#)
      try await hold()
      try await cluster.clearPolicy("hostile")
    case .fillNeighbour, .deleteNeighbour:
      try await engine.apply(Topology(queues: [Queue(neighbour)]))
      if kind == .fillNeighbour {
        try await cluster.setPolicy("full-\(number)", on: "^\(neighbour)$", #"{"max-length": 1}"#)
      }
      let due = Date().addingTimeInterval(1)
      _ = try await engine.publish(
        (0..<100).map {
          Publication(
            Message(id: MessageID("n-\(number)-\($0)"), name: "neighbour", body: Data()), to: .queue(neighbour),
            notBefore: due)
        })
      // Its messages stay stuck until the end of the run.
      if kind == .deleteNeighbour { try await cluster.delete(neighbour.rawValue) }
      try await hold()
    case .pause:
      try await engine.pause(queue)
      try await hold()
      try await engine.resume(queue)
    case .look:
      for _ in 0..<6 { try await look(at: queue, engine, &counts) }
    case .closeConnections:
      try await cluster.closeConnections()
      try await hold()
    }
  }

  /// Looks at the dead letters; every other look is broken off.
  private func look(at queue: QueueName, _ engine: any CompleteEngine, _ counts: inout Counts) async throws {
    let look = Task { try await engine.deadLetters(.init(origin: queue, limit: 1000)) }
    if counts.looks % 2 == 1 {
      counts.brokenOff += 1
      try await Task.sleep(for: .milliseconds(20 * (counts.looks % 7)))
      look.cancel()
    }
    counts.looks += 1
    if case .failure(let error as BrokerError) = await look.result, error.code == .unsupported { counts.refused += 1 }
  }
}

extension HostileAct: CustomStringConvertible {
  var description: String {
    switch kind {
    case .fillQueue: "a policy makes the queue full for \(seconds) s"
    case .fillDeadLetters: "a policy makes the queue of its dead letters full for \(seconds) s"
    case .shortenDelays: "a policy lets messages out of the delay buckets early for \(seconds) s"
    case .fillNeighbour: "100 messages wait for a neighbour's queue that is full"
    case .deleteNeighbour: "100 messages wait for a neighbour's queue that is deleted"
    case .pause: "an operator pauses the queue for \(seconds) s"
    case .look: "an operator looks at the dead letters, whole and broken off"
    case .closeConnections: "an administrator closes every second connection"
    }
  }
}
