internal import Foundation
internal import Warren
internal import WarrenOperations

/// A dead letter as text in an editor: one header a line, an empty line, the content. Secrets are hidden in it, and put back
/// where they still stand.
struct DraftText {
  private let draft: DeadLetterDraft
  private let content: MessageContent?
  private let demandsJSON: Bool
  private var hidden: HiddenValues
  /// Headers that have a line.
  private let headers: Message.Headers
  private let shownBody: String

  /// - Throws: ``CommandError`` when the body is not text, or when parts of a text that is not JSON are to be hidden.
  init(_ draft: DeadLetterDraft, mask: Mask) throws {
    self.draft = draft
    guard let text = draft.text else {
      let packing = draft.original.message.packing.map { "is packed (\($0))" } ?? "is not text"
      throw CommandError(.failure, "the body \(packing)", next: "give a new one with --data JSON or --body FILE")
    }
    // A mark of the byte order is no part of the JSON after it.
    let body = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
    content = try? MessageContent(body)
    demandsJSON = content != nil || draft.original.message.contentType?.hasPrefix("application/json") == true
    // A header of several lines has no place here and stays as it is.
    let lines = draft.headers.filter { !$0.value.contains(where: \.isNewline) }
    hidden = HiddenValues(mask, in: lines.values.joined(separator: "\n") + body)
    headers = hidden.hide(lines)
    if let content {
      shownBody = hidden.hide(content.data).pretty
    } else if mask.text(body) == body {
      shownBody = body
    } else {
      throw CommandError(
        .failure, "parts of the body are hidden, and it is no JSON in which they could be put back",
        next: "edit the whole of it with --unmask, or give a new one with --body FILE")
    }
  }

  private var hint: [String] {
    [
      "# Headers, an empty line, the \(content?.hasEnvelope == true ? "content" : "body"). Lines like this one are dropped."
    ]
      + (hidden.isEmpty
        ? []
        : ["# What is hidden stands as ***1*** and stays as it is; replace the whole of it, or see it with --unmask."])
  }

  /// What the editor shows.
  var text: String {
    let lines = headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    return (hint + lines + ["", shownBody]).joined(separator: "\n") + "\n"
  }

  /// The draft as the person has changed it.
  ///
  /// - Throws: ``CommandError`` when it cannot be published, with the line.
  func read(_ text: String) throws -> DeadLetterDraft {
    var edited = draft
    edited.headers = draft.headers.filter { $0.value.contains(where: \.isNewline) }
    var number = 0
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    while let line = lines.popFirst() {
      number += 1
      if line.allSatisfy(\.isWhitespace) { break }
      if line.hasPrefix("#") { continue }
      guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
        throw CommandError(
          .usage, "line \(number): a header is a name, a colon and a value",
          next: "keep the empty line between the headers and the content")
      }
      let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      edited.headers[String(line[..<colon])] = try restoring(line: number) { () throws(HiddenValues.Mangled) in
        try hidden.restore(header: value)
      }
    }
    var body = lines.joined(separator: "\n")
    if body.hasSuffix("\n") { body.removeLast() }
    guard demandsJSON else {
      if body != shownBody { try edited.setText(body) }
      return edited
    }
    let document: JSONText
    do throws(JSONTextError) { document = try JSONText(parsing: body) } catch {
      throw CommandError(
        .usage, "line \(number + error.line), column \(error.column): \(error.problem), so this is not JSON")
    }
    let restored = try restoring(line: nil) { () throws(HiddenValues.Mangled) in try hidden.restore(document) }
    // The editor shows it on many lines; what is published is as narrow as what came in.
    if restored != content?.data { try edited.setText(content?.body(with: restored) ?? restored.compact) }
    return edited
  }

  private func restoring<Value>(
    line: Int?, _ body: () throws(HiddenValues.Mangled) -> Value
  ) throws(CommandError) -> Value {
    do { return try body() } catch {
      let place = line.map { "line \($0): " } ?? ""
      throw CommandError(
        .usage, "\(place)'\(error.text)' is a part of a hidden value, which cannot be put back",
        next: "leave it as it was, replace the whole value, or edit with --unmask")
    }
  }

  /// What was changed, line by line.
  static func changes(_ before: String, _ after: String) -> String {
    func lines(_ text: String) -> String {
      text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")
    }
    return LineDifference(from: lines(before), to: lines(after)).lines.compactMap { line in
      switch line {
      case .removed(let text): "- " + Text.printable(text)
      case .added(let text): "+ " + Text.printable(text)
      case .same: nil
      }
    }.joined(separator: "\n")
  }
}
