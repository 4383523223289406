internal import Foundation
internal import Synchronization

/// What makes a message the same message: it never changes, not on retry, redelivery, reconnect or replay.
public struct MessageID: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }

  /// A new id: a UUID of version 7 (RFC 9562, section 5.7) in lower case.
  ///
  /// Such ids grow with time, so an index over them grows at its end. Within a process they also grow within a
  /// millisecond: the twelve bits after the version count up (method 1 of RFC 9562, section 6.2).
  public static func unique() -> MessageID {
    // A clock may stand anywhere before it is set.
    let milliseconds = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
    let (stamp, random) = last.withLock { last in
      // 48 bits of time, 12 bits of counter. A full counter borrows from the next millisecond.
      last.stamp = max(last.stamp + 1, milliseconds << 12)
      last.seed &+= 0x9E37_79B9_7F4A_7C15
      return (last.stamp, last.seed)
    }
    let high = (stamp >> 12) << 16 | 0x7000 | (stamp & 0xFFF)
    let low = (mix(random) & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
    return MessageID(text(high: high, low: low))
  }

  /// What tells the ids of two processes apart is drawn once: to ask the system for each id would be a system call each.
  private static let last = Mutex((stamp: UInt64(0), seed: UInt64.random(in: 0 ... .max)))

  /// The output function of SplitMix64 (Steele, Lea and Flood 2014).
  private static func mix(_ value: UInt64) -> UInt64 {
    let a = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    let b = (a ^ (a >> 27)) &* 0x94D0_49BB_1331_11EB
    return b ^ (b >> 31)
  }

  private static func text(high: UInt64, low: UInt64) -> String {
    String(unsafeUninitializedCapacity: 36) { buffer in
      var position = 0
      for nibble in 0..<32 {
        if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
          buffer[position] = UInt8(ascii: "-")
          position += 1
        }
        let word = nibble < 16 ? high : low
        let value = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble % 16))) & 0xF
        buffer[position] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
        position += 1
      }
      return position
    }
  }
}
