internal import Foundation

/// Says of a body that could not be decoded what it is instead of JSON, where that can be seen: "not valid JSON" is no help.
enum BodyHint {
  /// Completes "the message could not be decoded"; `nil` where the decoder's own error says it better.
  static func text(for message: Message) -> String? {
    let body = message.body
    if body.isEmpty { return "the body is empty" }
    if let packing = message.packing {
      let fix = packing == "gzip" ? "say so by the content encoding gzip" : "unpack it in an incoming middleware"
      return "the body is packed (\(packing)): \(fix), or publish it as it is"
    }
    let charset = message.charset
    if let charset, !Charset.isUnicode(charset) {
      return "the body is text in \(charset), and JSON is UTF-8: publish it in that"
    }
    // What JSON may begin with is left to the decoder.
    guard let text = message.text else { return "the body is \(body.count) bytes that are not text, so no JSON" }
    let begin = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    if begin.isEmpty { return "the body is blank" }
    if begin.hasPrefix("<") { return "the body is XML or HTML, not JSON" }
    if isSeveralValues(begin) { return "the body is several JSON values, one a line, and not one value" }
    return nil
  }

  /// Whether the body was written for another codec than the one that failed to read it, and what to do.
  static func mismatch(of message: Message, with codec: any MessageCodec, _ error: any Error) -> String? {
    guard case .keyNotFound(_, let context)? = error as? DecodingError, context.codingPath.isEmpty,
      let head = BodyHead(message.body)
    else { return nil }
    switch codec {
    case is EnvelopeCodec where !head.isEnvelope:
      return "the body has no envelope; a subscription reads such events by .codec(.plain)"
    case is PlainCodec where head.isEnvelope && head.type != nil:
      return "the body is in Warren's envelope, which the codec .envelope reads"
    default: return nil
    }
  }

  private static func isSeveralValues(_ text: Substring) -> Bool {
    let lines = text.split(whereSeparator: \.isNewline).prefix(2)
    guard lines.count == 2 else { return false }
    return lines.allSatisfy { line in
      (line.hasPrefix("{") || line.hasPrefix("["))
        && (try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil
    }
  }
}
