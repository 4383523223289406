internal import Foundation
internal import Synchronization

/// The coders that all codecs share: making one costs more than using it.
enum JSON {
  static let encoder = makeEncoder { _ in }
  static let snakeEncoder = makeEncoder { $0.keyEncodingStrategy = .convertToSnakeCase }
  static let decoder = makeDecoder { _ in }
  static let snakeDecoder = makeDecoder { $0.keyDecodingStrategy = .convertFromSnakeCase }

  /// A name as JSON. Most need no escapes.
  static func text(_ name: MessageName) throws -> String {
    let isPlain = name.rawValue.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != 0x5C }
    return isPlain ? "\"\(name)\"" : String(decoding: try encoder.encode(name.rawValue), as: UTF8.self)
  }

  /// A time as JSON, in whole seconds, as the envelope has it.
  static func text(_ time: Date) -> String {
    "\"\(text(ofSecond: time.clamped.timeIntervalSince1970.rounded(.down)))\""
  }

  /// A time with milliseconds, such as `2026-11-26T02:00:00.125Z`. It is read back as the same time, to the millisecond.
  static func textWithMilliseconds(_ time: Date) -> String {
    let milliseconds = (time.clamped.timeIntervalSince1970 * 1000).rounded()
    let second = (milliseconds / 1000).rounded(.down)
    let rest = String(Int(milliseconds - second * 1000))
    let zeros = String(repeating: "0", count: 3 - rest.count)
    return "\(text(ofSecond: second).dropLast()).\(zeros)\(rest)Z"
  }

  /// Formatting a time costs as much as a small message does, and most messages share their second with the one before.
  private static func text(ofSecond second: Double) -> String {
    lastTime.withLock { last in
      if last.second != second { last = (second, Date(timeIntervalSince1970: second).formatted(.iso8601)) }
      return last.text
    }
  }
  private static let lastTime = Mutex((second: Double.nan, text: ""))

  private struct Head: Decodable { var type: String? }

  static func type(in body: Data) -> MessageName? {
    (try? decoder.decode(Head.self, from: body))?.type.map { MessageName($0) }
  }

  private static func makeEncoder(_ configure: (JSONEncoder) -> Void) -> JSONEncoder {
    let encoder = JSONEncoder()
    // With milliseconds, as JavaScript writes them: without, times that differ become equal, and events lose their order.
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(textWithMilliseconds(date))
    }
    // Sorted, so that the same value is the same text: for people who compare, and for what compresses.
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    configure(encoder)
    return encoder
  }

  private static func makeDecoder(_ configure: (JSONDecoder) -> Void) -> JSONDecoder {
    let decoder = JSONDecoder()
    // With fractions of a second and without: both are written somewhere.
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      if let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))) {
        // What was written to the millisecond is read as that millisecond, not as the fraction next to it.
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded() / 1000
        let isNext = abs(milliseconds - date.timeIntervalSince1970) < 1e-6
        return isNext ? Date(timeIntervalSince1970: milliseconds) : date
      }
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: (try? Date(
          "\(text)Z", strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))))
          == nil
          ? "'\(text.prefix(40))' is not an ISO 8601 time"
          : "'\(text.prefix(40))' is a local time: its zone is missing, such as Z or +01:00")
    }
    configure(decoder)
    return decoder
  }
}
