internal import Foundation
internal import Warren

/// A draft as a person edits it: its headers, one a line, and its content, that is its body without Warren's envelope. Secrets
/// are hidden in both, and put back where what stands in their place still stands.
public struct DraftText: Sendable {
  /// The headers, `name: value`, one a line, by name. Warren's own and those of several lines are left out and stay as they are.
  public let headers: String
  /// The content; JSON on many lines.
  public let body: String
  /// Whether the body is an envelope around the content, which stays as it is.
  public var hasEnvelope: Bool { content?.hasEnvelope == true }
  /// Whether anything is hidden.
  public var hidesSomething: Bool { !hidden.isEmpty }

  private let draft: DeadLetterDraft
  private let content: MessageContent?
  private let demandsJSON: Bool
  private let hidden: HiddenValues

  /// The text of a draft.
  ///
  /// - Throws: ``DraftTextError`` when the body is not text, or when parts of a text that is not JSON are to be hidden.
  public init(_ draft: DeadLetterDraft, mask: Mask) throws(DraftTextError) {
    self.draft = draft
    guard let text = draft.text else {
      throw DraftTextError(.noText(packing: draft.original.message.packing.map { "\($0)" }))
    }
    // A mark of the byte order is no part of the JSON after it.
    let body = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
    content = try? MessageContent(body)
    demandsJSON = content != nil || draft.original.message.contentType?.hasPrefix("application/json") == true
    let lines = draft.headers.filter { !$0.value.contains(where: \.isNewline) }
    var hidden = HiddenValues(mask, in: lines.values.joined(separator: "\n") + body)
    headers = Self.lines(hidden.hide(lines))
    if let content {
      self.body = hidden.hide(content.data).pretty
    } else if mask.text(body) == body {
      self.body = body
    } else {
      throw DraftTextError(.hiddenInText)
    }
    self.hidden = hidden
  }

  /// The draft as the person has changed it. Lines of the headers without a letter are left out.
  ///
  /// - Throws: ``DraftTextError`` when it cannot be read, with the place; ``Warren/BrokerError`` when its charset cannot say it.
  public func read(headers: String, body: String) throws -> DeadLetterDraft {
    var edited = draft
    edited.headers = draft.headers.filter { $0.value.contains(where: \.isNewline) }
    for (name, value) in try Self.pairs(headers) {
      do { edited.headers[name] = try hidden.restore(header: value.text) } catch {
        throw DraftTextError(.mangled(error.text), .header(line: value.line))
      }
    }
    let body = body.replacing("\r\n", with: "\n")
    guard demandsJSON else {
      if body != self.body.replacing("\r\n", with: "\n") { try edited.setText(body) }
      return edited
    }
    let document: JSONText
    do { document = try JSONText(parsing: body) } catch {
      throw DraftTextError(.noJSON(error.problem), .body(line: error.line, column: error.column))
    }
    let restored: JSONText
    do { restored = try hidden.restore(document) } catch { throw DraftTextError(.mangled(error.text)) }
    // It is shown on many lines; what is published is as narrow as what came in.
    if restored != content?.data { try edited.setText(content?.body(with: restored) ?? restored.compact) }
    return edited
  }

  /// What a person has changed of what was shown, line by line; what was hidden stays so.
  public func differences(
    headers: String, body: String
  ) -> (headers: LineDifference, body: LineDifference) {
    let pairs = (try? Self.pairs(headers)) ?? [:]
    let pretty = (try? JSONText(parsing: body))?.pretty ?? body.replacing("\r\n", with: "\n")
    return (
      LineDifference(from: self.headers, to: Self.lines(pairs.mapValues(\.text))),
      LineDifference(from: self.body, to: pretty)
    )
  }

  private static func lines(_ headers: Message.Headers) -> String {
    headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
  }

  private static func pairs(_ text: String) throws(DraftTextError) -> [String: (text: String, line: Int)] {
    var pairs: [String: (text: String, line: Int)] = [:]
    let lines = text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
        throw DraftTextError(.noHeader, .header(line: index + 1))
      }
      let name = line[..<colon].trimmingCharacters(in: .whitespaces)
      if name.hasPrefix("warren-") { throw DraftTextError(.ownHeader(name), .header(line: index + 1)) }
      pairs[name] = (line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces), index + 1)
    }
    return pairs
  }
}

/// Why a draft cannot be edited as text, or what was edited cannot be read.
public struct DraftTextError: Error, Sendable, Equatable {
  /// What is wrong.
  public enum Problem: Sendable, Equatable {
    /// The body is not text, or is packed in this way.
    case noText(packing: String?)
    /// Parts of the body would be hidden, and it is no JSON in which they could be put back.
    case hiddenInText
    /// A line is no header.
    case noHeader
    /// A header whose name is Warren's own.
    case ownHeader(String)
    /// A part of what stands for a hidden value, which cannot be put back.
    case mangled(String)
    /// The content is not JSON, because of this.
    case noJSON(String)
  }
  /// Where.
  public enum Place: Sendable, Equatable {
    /// In this line of the headers, from 1.
    case header(line: Int)
    /// In this line and column of the content, both from 1.
    case body(line: Int, column: Int)
  }
  /// What is wrong.
  public var problem: Problem
  /// Where, if that can be told.
  public var place: Place?

  init(_ problem: Problem, _ place: Place? = nil) {
    self.problem = problem
    self.place = place
  }

  /// What is wrong, for a person.
  public var text: String {
    switch problem {
    case .noText(let packing): "the body \(packing.map { "is packed (\($0))" } ?? "is not text")"
    case .hiddenInText: "parts of the body are hidden, and it is no JSON in which they could be put back"
    case .noHeader: "a header is a name, a colon and a value"
    case .ownHeader(let name): "headers that begin with warren- are Warren's own: '\(name)'"
    case .mangled(let text): "'\(text)' is a part of a hidden value, which cannot be put back"
    case .noJSON(let problem): "\(problem), so this is not JSON"
    }
  }
}
