/// One thing that must hold of a message for it to be found.
public struct MessageCondition: Sendable, Hashable, Codable {
  /// What of a message is looked at.
  public enum Field: Sendable, Hashable, Codable {
    /// The queue that it lies in or, of a dead letter, the queue that gave up on it.
    case queue
    /// Of a dead letter, the queue that gave up on it; otherwise the queue that it lies in.
    case origin
    /// What it is.
    case name
    /// Its id.
    case id
    /// Why it was parked, in a word.
    case reason
    /// Why it was parked, in particular, and what its last failures say.
    case error
    /// Who published it.
    case source
    /// The routing key that it was published with.
    case key
    /// The id of its chain of messages.
    case correlation
    /// How often a handler failed on it.
    case attempts
    /// How often a person has sent it back to work.
    case replays
    /// When it was parked; of a message that waits, when it was published. In milliseconds since 1970.
    case time
    /// One of its headers.
    case header(String)
    /// A value in its content, found by the names of members and, in arrays, by places from 0. In an envelope the content is
    /// what stands under `data`.
    case data([String])
    /// Its id, name, errors, headers and body.
    case text
  }

  /// The order of two numbers.
  public enum Order: String, Sendable, Hashable, Codable {
    /// Less than.
    case less = "<"
    /// Less than or equal to.
    case lessOrEqual = "<="
    /// Greater than.
    case greater = ">"
    /// Greater than or equal to.
    case greaterOrEqual = ">="
  }

  /// How the field is looked at. A field that a message does not have is an empty text, and no number.
  public enum Test: Sendable, Hashable, Codable {
    /// It is one of these texts. A number in the content is compared as it is written there.
    case equals([String])
    /// It is like one of these, in which `*` stands for any text.
    case resembles([String])
    /// It contains this text; the letters A to Z and a to z are the same.
    case contains(String)
    /// It is a number in this order to another.
    case compares(Order, Double)
  }

  /// What of a message is looked at.
  public var field: Field
  /// What it must be.
  public var test: Test
  /// Whether it must not be that.
  public var isNegated: Bool

  /// A condition.
  public init(_ field: Field, _ test: Test, isNegated: Bool = false) {
    self.field = field
    self.test = test
    self.isNegated = isNegated
  }

  /// Whether the body has to be read for it.
  public var needsBody: Bool {
    switch field {
    case .data, .text: true
    default: false
    }
  }
}

extension MessageCondition.Test {
  /// Whether it holds for a text.
  package func holds(for text: String) -> Bool {
    switch self {
    case .equals(let texts): return texts.contains(text)
    case .resembles(let patterns): return patterns.contains { Self.isLike(text, $0) }
    case .contains(let part): return TextSearch(part).isIn(text.utf8)
    case .compares(let order, let limit): return Double(text).map { order.holds($0, limit) } ?? false
    }
  }

  /// Whether a text is like a pattern, in which `*` stands for any text.
  static func isLike(_ text: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map { Array($0.utf8) }
    var rest = Array(text.utf8)[...]
    guard let first = parts.first, let last = parts.last, rest.starts(with: first) else { return false }
    if parts.count == 1 { return rest.count == first.count }
    rest = rest.dropFirst(first.count)
    guard rest.count >= last.count, rest.suffix(last.count).elementsEqual(last) else { return false }
    rest = rest.dropLast(last.count)
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }
}

extension MessageCondition.Order {
  /// Whether two numbers are in this order.
  package func holds(_ a: Double, _ b: Double) -> Bool {
    switch self {
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}

/// Looks for a text in bytes; the letters A to Z and a to z are the same.
struct TextSearch {
  private let part: [UInt8]

  init(_ part: String) { self.part = part.utf8.map(Self.folded) }

  private static func folded(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

  func isIn(_ bytes: some Collection<UInt8>) -> Bool {
    guard let first = part.first else { return true }
    let found: Bool? = bytes.withContiguousStorageIfAvailable { isIn($0, first) }
    return found ?? Array(bytes).withUnsafeBufferPointer { isIn($0, first) }
  }

  private func isIn(_ bytes: UnsafeBufferPointer<UInt8>, _ first: UInt8) -> Bool {
    guard bytes.count >= part.count else { return false }
    for start in 0...(bytes.count - part.count) where Self.folded(bytes[start]) == first {
      var length = 1
      while length < part.count, Self.folded(bytes[start + length]) == part[length] { length += 1 }
      if length == part.count { return true }
    }
    return false
  }
}
