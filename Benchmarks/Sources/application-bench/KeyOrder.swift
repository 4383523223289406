internal import Synchronization
internal import Warren

/// Whether events were published in the order of the commits, for each key by itself.
final class KeyOrder: Sendable {
  private struct State {
    var committed: [Int]
    var published: [Publication] = []
  }
  private let state: Mutex<State>
  private let keys: Int

  init(_ keys: Int) {
    self.keys = keys
    state = Mutex(State(committed: Array(repeating: 0, count: keys)))
  }

  /// The place of the next event of a key.
  func next(_ key: Int) -> Int {
    state.withLock { state in
      defer { state.committed[key] += 1 }
      return state.committed[key]
    }
  }

  /// Only keeps it: it is decoded when nothing is measured any more.
  func published(_ publication: Publication) { state.withLock { $0.published.append(publication) } }

  var count: Int { state.withLock { $0.published.count } }

  /// How many did not stand behind the one before it.
  func misplaced() throws -> Int {
    var places = Array(repeating: 0, count: keys)
    return try state.withLock { $0.published }.count { publication in
      let event = try EnvelopeCodec().decode(Booked.self, from: publication.message)
      defer { places[event.number % keys] = event.position + 1 }
      return event.position != places[event.number % keys]
    }
  }
}
