internal import Foundation
internal import Warren

extension Bench {
  func mustStore() throws -> any StateStore {
    guard let store else { throw ScenarioFailure("a store") }
    return store
  }
}

extension Scenario {
  /// What a store promises, in the engine or beside it.
  static let storing: [Scenario] = [
    Scenario("a record is replaced only by a writer that has seen what it replaces", needs: [.store]) { bench in
      let store = try bench.mustStore()
      let key = StoreKey("suite", "\(bench.prefix)/a")
      try equal(try await store.record(key), nil)
      let first = try await store.write(Data("1".utf8), to: key, replacing: nil, until: nil)
      guard let first else { throw ScenarioFailure("it is written") }
      try equal(try await store.record(key), first)
      try equal(try await store.write(Data("2".utf8), to: key, replacing: nil, until: nil), nil, "there was one")
      let second = try await store.write(Data("3".utf8), to: key, replacing: first.version, until: nil)
      guard let second else { throw ScenarioFailure("it is replaced") }
      try equal(try await store.write(Data("4".utf8), to: key, replacing: first.version, until: nil), nil, "too late")
      try equal(try await store.remove(key, first.version), false, "removed")
      try equal(try await store.record(key)?.value, Data("3".utf8))
      try equal(try await store.remove(key, second.version), true, "removed")
      try equal(try await store.record(key), nil)
      // Written anew it is another: who has seen the old one has not seen this.
      let anew = try await store.write(Data("3".utf8), to: key, replacing: nil, until: nil)
      try check(anew != nil && anew?.version != second.version, "a version of its own")
      try equal(try await store.write(Data("5".utf8), to: key, replacing: second.version, until: nil), nil, "too late")
    },
    Scenario("records of a kind are listed by name, and those of another are not among them", needs: [.store]) {
      bench in
      let store = try bench.mustStore()
      let kind = StoreKind("\(bench.prefix) kind")
      for name in ["b", "a", "ä/%_'"] {
        _ = try await store.write(Data(name.utf8), to: StoreKey(kind, name), replacing: nil, until: nil)
      }
      _ = try await store.write(
        Data(), to: StoreKey(StoreKind("\(bench.prefix) kind2"), "c"), replacing: nil, until: nil)
      try equal(try await store.records(of: kind).map(\.key.name), ["a", "b", "ä/%_'"])
      try equal(try await store.records(of: kind).map(\.value), ["a", "b", "ä/%_'"].map { Data($0.utf8) })
      try equal(try await store.records(of: "\(bench.prefix) none").count, 0)
    },
    Scenario("of many that write at once, one at a time has seen what it replaces", needs: [.store]) { bench in
      let store = try bench.mustStore()
      let key = StoreKey("suite", "\(bench.prefix)/count")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            var added = 0
            while added < 5 {
              let old = try await store.record(key)
              let count = old.flatMap { Int(String(decoding: $0.value, as: UTF8.self)) } ?? 0
              let new = Data("\(count + 1)".utf8)
              if try await store.write(new, to: key, replacing: old?.version, until: nil) != nil { added += 1 }
            }
          }
        }
        try await group.waitForAll()
      }
      try equal(try await store.record(key)?.value, Data("20".utf8), "the count")
    },
    Scenario("a record whose time is over is gone", needs: [.store, .virtualTime]) { bench in
      let store = try bench.mustStore()
      let key = StoreKey("suite", "\(bench.prefix)/brief")
      let end = bench.clock.now.addingTimeInterval(10)
      let old = try await store.write(Data("1".utf8), to: key, replacing: nil, until: end)
      try equal(try await store.record(key)?.expiry, end)
      try await bench.advance(.seconds(10))
      try equal(try await store.record(key), nil)
      try equal(try await store.records(of: "suite").filter { $0.key == key }.count, 0)
      try equal(try await store.write(Data(), to: key, replacing: old?.version, until: nil), nil, "there is none")
      try check(try await store.write(Data(), to: key, replacing: nil, until: nil) != nil, "written")
    },
  ]
}
