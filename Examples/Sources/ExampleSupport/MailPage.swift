internal import Foundation
public import Hummingbird
public import Mail

/// A page with the mails that a ``FileMailer`` has written: `/mails`, for those who try a system out.
///
/// It asks for no password, so it is refused where others could reach it.
public struct MailPage: Sendable {
  private let folder: URL
  /// How many mails are listed.
  private static let limit = 100
  /// Nothing of a mail can run or load anything.
  private static let policy = "default-src 'none'; style-src 'unsafe-inline'"

  /// A page of the mails of `mailer`, on an API that listens on `host`.
  ///
  /// - Throws: ``StartError`` when the mails are not in files, or others than this machine could see them.
  public init(of mailer: any Mailer, host: String) throws(StartError) {
    guard let mailer = mailer as? FileMailer else {
      throw StartError("--show-mails shows mails in files, and SMTP_URL is set: leave out one of the two")
    }
    guard ["127.0.0.1", "::1", "localhost"].contains(host) else {
      throw StartError(
        "--show-mails would show all mails to everyone who reaches \(host): use it with --host 127.0.0.1")
    }
    folder = mailer.folder
  }

  /// Adds the routes `/mails` and `/mails/:id`.
  public func add(to router: RouterGroup<BasicRequestContext>) {
    router.get("mails") { _, _ in try Self.page("Mails", list()) }
    router.get("mails/:id") { _, context in
      let name = try context.pathID
      guard name.hasSuffix(".eml"), !name.hasPrefix("."), !name.contains("/"),
        let data = try? Data(contentsOf: folder.appending(path: name))
      else { throw APIError.notFound("mail", name) }
      return try Self.page(name, "<pre>\(Self.escaped(String(decoding: data, as: UTF8.self)))</pre>")
    }
  }

  private struct Entry {
    var name: String
    var written: Date
  }

  private func list() throws -> String {
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: [.contentModificationDateKey], options: .skipsHiddenFiles)
    let entries = files.filter { $0.pathExtension == "eml" }
      .map { file in
        let written = try? file.resourceValues(forKeys: [.contentModificationDateKey]).contentModificationDate
        return Entry(name: file.lastPathComponent, written: written ?? .distantPast)
      }
      .sorted { ($0.written, $0.name) > ($1.written, $1.name) }
    let rows = entries.prefix(Self.limit).map { entry in
      let headers = headers(of: entry.name)
      let cells = [entry.written.formatted(.iso8601), headers["to"] ?? "", headers["subject"] ?? ""]
      let link = "<a href=\"/mails/\(Self.escaped(Self.inPath(entry.name)))\">show</a>"
      return "<tr>\(cells.map { "<td>\(Self.escaped($0))</td>" }.joined())<td>\(link)</td></tr>"
    }
    let count = entries.count > Self.limit ? "the newest \(Self.limit) of \(entries.count)" : "\(entries.count)"
    return "<p>\(count) mails</p><table><tr><th>time</th><th>to</th><th>subject</th><th></th></tr>"
      + rows.joined(separator: "\n") + "</table>"
  }

  /// The headers of a mail by their names in lower case, words in other scripts decoded.
  private func headers(of name: String) -> [String: String] {
    guard let data = try? Data(contentsOf: folder.appending(path: name)) else { return [:] }
    let text = String(decoding: data.prefix(8_192), as: UTF8.self)
    let head = (text.components(separatedBy: "\r\n\r\n").first ?? "").replacing("\r\n ", with: " ")
    var headers: [String: String] = [:]
    for line in head.components(separatedBy: "\r\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      headers[parts[0].lowercased()] = Self.decoded(parts[1].trimmingCharacters(in: .whitespaces))
    }
    return headers
  }

  /// The words `=?utf-8?B?…?=` that ``Mail`` is written with (RFC 2047).
  private static func decoded(_ text: String) -> String {
    let joined = text.replacing("?= =?", with: "?==?")
    return joined.replacing(/=\?utf-8\?B\?([A-Za-z0-9+\/=]*)\?=/) { match in
      Data(base64Encoded: String(match.1)).map { String(decoding: $0, as: UTF8.self) } ?? String(match.0)
    }
  }

  private static func page(_ title: String, _ body: String) throws -> Response {
    var response = Response.text(
      """
      <!doctype html><html lang="en"><meta charset="utf-8"><title>\(escaped(title))</title>
      <style>body{font-family:sans-serif;margin:2em}td,th{text-align:left;padding:.2em 1em .2em 0}</style>
      <h1>\(escaped(title))</h1>\(body)</html>
      """, type: "text/html; charset=utf-8")
    response.headers[.contentSecurityPolicy] = policy
    return response
  }

  private static func inPath(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? ""
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
  }
}
