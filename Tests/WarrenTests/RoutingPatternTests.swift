import Testing
import Warren

@Suite struct RoutingPatternTests {
  @Test(arguments: [
    ("a.b", "a.b", true), ("a.b", "a", false), ("a", "a.b", false), ("*", "a", true), ("*", "a.b", false),
    ("*", "", true), ("#", "", true), ("#", "a.b.c", true), ("a.#", "a", true), ("a.#", "a.b.c", true),
    ("#.c", "c", true), ("#.c", "a.b.c", true), ("#.c", "a.b.c.d", false), ("a.*.c", "a.b.c", true),
    ("a.*.c", "a.c", false), ("a.#.c", "a.c", true), ("#.b.#", "a.b.c", true), ("#.b.#", "b", true),
    ("#.b.#", "a.c", false), ("*.#", "a", true), ("#.*", "a.b", true), ("#.#", "", true), ("*.*", "a", false),
    ("booking.*", "booking.created", true), ("booking.*", "booking.created.late", false), ("a*", "ab", false),
    ("#.a.#.a.#.a", "a.a", false), ("#.a.#.a.#.a", "x.a.y.a.z.a", true),
  ]) func matches(_ pattern: String, _ key: String, _ expected: Bool) {
    #expect(RoutingPattern(RoutingKey(pattern)).matches(RoutingKey(key)) == expected)
  }

  @Test func agreesWithTheDefinitionOnEveryShortCase() {
    // The definition, by recursion: slow and plainly right.
    func definition(_ pattern: ArraySlice<String>, _ key: ArraySlice<String>) -> Bool {
      guard let first = pattern.first else { return key.isEmpty }
      if first == "#" {
        return (0...key.count).contains { definition(pattern.dropFirst(), key.dropFirst($0)) }
      }
      guard let word = key.first else { return false }
      return (first == "*" || first == word) && definition(pattern.dropFirst(), key.dropFirst())
    }
    func all(_ words: [String], upTo count: Int) -> [[String]] {
      (1...count).reduce([[]]) { lists, _ in lists + lists.flatMap { list in words.map { list + [$0] } } }.uniqued
    }
    for pattern in all(["a", "b", "*", "#"], upTo: 4) where !pattern.isEmpty {
      let compiled = RoutingPattern(RoutingKey(pattern.joined(separator: ".")))
      for key in all(["a", "b"], upTo: 4) where !key.isEmpty {
        #expect(compiled.matches(RoutingKey(key.joined(separator: "."))) == definition(pattern[...], key[...]))
      }
    }
  }

  @Test func patternsOverlapWhenSomeKeyIsInBoth() {
    func all(_ words: [String], upTo count: Int) -> [[String]] {
      (1...count).reduce([[]]) { lists, _ in lists + lists.flatMap { list in words.map { list + [$0] } } }.uniqued
    }
    // Short patterns that overlap do so on a key of at most as many words as both have together.
    let keys = all(["a", "b"], upTo: 4).filter { !$0.isEmpty }.map { RoutingKey($0.joined(separator: ".")) }
    let patterns = all(["a", "b", "*", "#"], upTo: 2).filter { !$0.isEmpty }.map {
      RoutingPattern(RoutingKey($0.joined(separator: ".")))
    }
    for one in patterns {
      for other in patterns {
        #expect(one.overlaps(other) == keys.contains { one.matches($0) && other.matches($0) })
      }
    }
  }

  @Test func aHostilePatternIsQuick() {
    let pattern = RoutingPattern(RoutingKey(Array(repeating: "#.a", count: 60).joined(separator: ".")))
    #expect(!pattern.matches(RoutingKey(Array(repeating: "a", count: 100).joined(separator: ".") + ".b")))
  }
}

extension [[String]] {
  fileprivate var uniqued: [[String]] { Array(Set(self)) }
}
