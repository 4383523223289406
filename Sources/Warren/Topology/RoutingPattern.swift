/// A binding key of a topic exchange: words separated by dots, `*` for exactly one word, `#` for any number, none included.
public struct RoutingPattern: Sendable, Equatable {
  private let words: [Substring]

  /// Any text is a pattern; one without `*` and `#` matches itself alone.
  public init(_ key: RoutingKey) {
    words = key.rawValue.split(separator: ".", omittingEmptySubsequences: false)
  }

  /// Whether the pattern lets the key in, as RabbitMQ decides it.
  ///
  /// Greedy with one point of return (the last `#`), so the time is at most the product of both lengths.
  public func matches(_ key: RoutingKey) -> Bool {
    let key = key.rawValue.split(separator: ".", omittingEmptySubsequences: false)
    var word = 0
    var position = 0
    var hash: (word: Int, position: Int)?
    while position < key.count {
      if word < words.count, words[word] == "#" {
        hash = (word, position)
        word += 1
      } else if word < words.count, words[word] == "*" || words[word] == key[position] {
        word += 1
        position += 1
      } else if let last = hash {
        hash = (last.word, last.position + 1)
        word = last.word + 1
        position = last.position + 1
      } else {
        return false
      }
    }
    return words[word...].allSatisfy { $0 == "#" }
  }

  /// Whether there is a key that both patterns let in.
  public func overlaps(_ other: RoutingPattern) -> Bool {
    // Row by row: whether what is left of one, from a word on, overlaps what is left of the other.
    let (mine, theirs) = (words, other.words)
    var below = [Bool](repeating: false, count: theirs.count + 1)
    for i in stride(from: mine.count, through: 0, by: -1) {
      var row = below
      for j in stride(from: theirs.count, through: 0, by: -1) {
        let (a, b) = (i < mine.count ? mine[i] : nil, j < theirs.count ? theirs[j] : nil)
        if a == "#" || b == "#" {
          row[j] = (i < mine.count && below[j]) || (j < theirs.count && row[j + 1])
        } else if let a, let b {
          row[j] = (a == b || a == "*" || b == "*") && below[j + 1]
        } else {
          row[j] = a == nil && b == nil
        }
      }
      below = row
    }
    return below[0]
  }
}
