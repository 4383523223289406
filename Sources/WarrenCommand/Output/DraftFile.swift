internal import Foundation
internal import Warren
internal import WarrenOperations

/// A draft as one text in an editor: one header a line, an empty line, the content.
struct DraftFile {
  private let shown: DraftText

  /// - Throws: ``CommandError`` when the body cannot be edited as text.
  init(_ draft: DeadLetterDraft, mask: Mask) throws(CommandError) {
    do { shown = try DraftText(draft, mask: mask) } catch { throw Self.error(error, bodyLine: 0) }
  }

  private var hint: [String] {
    ["# Headers, an empty line, the \(shown.hasEnvelope ? "content" : "body"). Lines like this one are dropped."]
      + (shown.hidesSomething
        ? ["# What is hidden stands as ***1*** and stays as it is; replace the whole of it, or see it with --unmask."]
        : [])
  }

  /// What the editor shows.
  var text: String {
    (hint + (shown.headers.isEmpty ? [] : [shown.headers]) + ["", shown.body]).joined(separator: "\n") + "\n"
  }

  /// The draft as the person has changed it, and what that is, line by line.
  ///
  /// - Throws: ``CommandError`` when it cannot be published, with the line.
  func read(_ text: String) throws -> (draft: DeadLetterDraft, changes: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let end = lines.firstIndex { $0.allSatisfy(\.isWhitespace) } ?? lines.endIndex
    // Hints become empty lines, so that the number of each line stays what it is.
    let headers = lines[..<end].map { $0.hasPrefix("#") ? "" : $0 }.joined(separator: "\n")
    var body = lines[end...].dropFirst().joined(separator: "\n")
    if body.hasSuffix("\n") { body.removeLast() }
    do {
      let draft = try shown.read(headers: headers, body: body)
      return (draft, Self.changes(shown.differences(headers: headers, body: body)))
    } catch let error as DraftTextError {
      throw Self.error(error, bodyLine: end + 1)
    }
  }

  private static func changes(_ differences: (headers: LineDifference, body: LineDifference)) -> String {
    (differences.headers.lines + differences.body.lines).compactMap { line in
      switch line {
      case .removed(let text): "- " + Text.printable(text)
      case .added(let text): "+ " + Text.printable(text)
      case .same: nil
      }
    }.joined(separator: "\n")
  }

  /// - Parameter bodyLine: how many lines of the file stand before the content.
  private static func error(_ error: DraftTextError, bodyLine: Int) -> CommandError {
    let place =
      switch error.place {
      case .header(let line): "line \(line): "
      case .body(let line, let column): "line \(bodyLine + line), column \(column): "
      case nil: ""
      }
    let text = place + error.text
    switch error.problem {
    case .noText: return CommandError(.failure, text, next: "give a new one with --data JSON or --body FILE")
    case .hiddenInText:
      return CommandError(
        .failure, text, next: "edit the whole of it with --unmask, or give a new one with --body FILE")
    case .noHeader:
      return CommandError(.usage, text, next: "keep the empty line between the headers and the content")
    case .mangled:
      return CommandError(
        .usage, text, next: "leave it as it was, replace the whole value, or edit with --unmask")
    case .ownHeader: return CommandError(.usage, text, next: "leave the line out")
    case .noJSON: return CommandError(.usage, text)
    }
  }
}
