internal import Foundation
internal import Warren
internal import WarrenOperations

/// A draft as text in an editor: one header a line, an empty line, the body.
enum DraftText {
  /// The draft as the person has changed it.
  static func edit(_ draft: DeadLetterDraft) throws -> DeadLetterDraft {
    guard let text = text(draft) else {
      let packing = draft.original.message.packing.map { "is packed (\($0))" } ?? "is not text"
      throw CommandError(.failure, "the body \(packing)", next: "give a new one with --body FILE")
    }
    let edited = try Editor.edit(text)
    return edited == text ? draft : try read(edited, into: draft)
  }

  private static let hint =
    "# Headers, an empty line, the body. Lines like this one, above the empty line, are dropped."

  static func text(_ draft: DeadLetterDraft) -> String? {
    guard let body = draft.text else { return nil }
    // A header of several lines has no place here and stays as it is.
    let headers = draft.headers.filter { !$0.value.contains(where: \.isNewline) }.sorted { $0.key < $1.key }
    let pretty = (try? JSONText(parsing: body))?.pretty ?? body
    return ([hint] + headers.map { "\($0.key): \($0.value)" } + ["", pretty]).joined(separator: "\n") + "\n"
  }

  static func read(_ text: String, into draft: DeadLetterDraft) throws -> DeadLetterDraft {
    var edited = draft
    edited.headers = draft.headers.filter { $0.value.contains(where: \.isNewline) }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    while let line = lines.popFirst(), !line.allSatisfy(\.isWhitespace) {
      guard !line.hasPrefix("#"), let colon = line.firstIndex(of: ":") else { continue }
      edited.headers[String(line[..<colon])] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    var body = lines.joined(separator: "\n")
    if body.hasSuffix("\n") { body.removeLast() }
    let original = draft.text ?? ""
    if let new = try? JSONText(parsing: body) {
      // The editor shows it on many lines; what is published is as narrow as what came in.
      if new != (try? JSONText(parsing: original)) { try edited.setText(new.compact) }
    } else if body != original {
      try edited.setText(body)
    }
    return edited
  }

  /// What was changed, line by line.
  static func changes(_ draft: DeadLetterDraft) -> String {
    let before = (text(DeadLetterDraft(draft.original)) ?? "").split(separator: "\n").map(String.init)
    let after = (text(draft) ?? "").split(separator: "\n").map(String.init)
    return after.difference(from: before).map { change in
      switch change {
      case .remove(_, let line, _): "- " + Text.printable(line)
      case .insert(_, let line, _): "+ " + Text.printable(line)
      }
    }.joined(separator: "\n")
  }
}
